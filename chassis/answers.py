"""What every answer of a service says beside its own headers, whoever gives it."""

from collections.abc import Iterable

from .cors import Cors, Header

# A browser takes an answer for what it says it is, and never for a page or a script.
NOSNIFF: Header = (b"x-content-type-options", b"nosniff")

# What belongs to a person is kept by nobody on the way; of other things a cache asks whether the
# version that it has is still the one.
NO_STORE: Header = (b"cache-control", b"no-store")
NO_CACHE: Header = (b"cache-control", b"no-cache")


class AnswerHeaders:
    """Those of one service; `personal` where what it keeps belongs to people."""

    def __init__(self, cors: Cors, *, personal: bool) -> None:
        self._cors = cors
        self._personal = personal

    def beside(self, status: int, own: Iterable[Header], origin: bytes | None) -> list[Header]:
        """All headers of an answer with these of its own, to a request from that origin."""
        # Nothing has no type.
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
    """As they stand in an answer's head."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)
