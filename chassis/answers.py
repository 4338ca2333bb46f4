"""Headers that every answer of a service has: caching, `nosniff`, CORS."""

from collections.abc import Iterable

from .cors import Cors, Header

# A browser takes an answer by its Content-Type, and never guesses that it is a page or a script.
NOSNIFF: Header = (b"x-content-type-options", b"nosniff")

# No cache keeps what belongs to a person. Other things it may keep, and asks each time whether the
# version that it has is still current.
NO_STORE: Header = (b"cache-control", b"no-store")
NO_CACHE: Header = (b"cache-control", b"no-cache")


class AnswerHeaders:
    """The headers of one service. `personal`: its data belongs to people."""

    def __init__(self, cors: Cors, *, personal: bool) -> None:
        self._cors = cors
        self._personal = personal

    def beside(self, status: int, own: Iterable[Header], origin: bytes | None) -> list[Header]:
        """All headers of an answer: its own, and those of every answer to a request of that
        origin."""
        # A 204 has no body, and so no Content-Type.
        headers = [each for each in own if status != 204 or each[0] != b"content-type"]
        names = [name for name, _ in headers]
        if b"cache-control" not in names:
            if self._personal:
                headers.append(NO_STORE)
            elif b"etag" in names:
                headers.append(NO_CACHE)
        headers.append(NOSNIFF)
        headers.extend(self._cors.headers(origin))
        return headers


def as_bytes(headers: Iterable[Header]) -> bytes:
    """The headers as bytes of HTTP/1.1."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)
