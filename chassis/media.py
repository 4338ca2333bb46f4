"""The media types of bodies: JSON in UTF-8, not compressed."""

from email.message import Message
from functools import lru_cache

from starlette.requests import Request

from .problems import UnsupportedMediaType

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396: what every PATCH takes


def check(request: Request) -> None:
    """Raises UnsupportedMediaType, which names what is accepted."""
    # The usual case.
    headers = [value for name, value in request.scope["headers"] if name in _LOOKED_AT]
    if headers == [b"application/json"]:
        return
    _check_coding(request)
    _check_type(request)


_LOOKED_AT = (b"content-type", b"content-encoding")


def _check_coding(request: Request) -> None:
    codings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if read := {coding.strip() for coding in codings} - {"", "identity"}:
        named = ", ".join(sorted(read))[:64]
        raise UnsupportedMediaType(
            f"The Content-Encoding {named} is not read; send the body as it is (identity).",
            accept_encoding="identity",
        )


def _check_type(request: Request) -> None:
    taken, header = [JSON], "accept"
    if request.method == "PATCH":
        taken, header = [JSON, MERGE_PATCH], "accept_patch"
    named = ", ".join(taken)
    given = request.headers.getlist("content-type")
    kind, charset = _read(given[0]) if len(given) == 1 else ("", "")
    if kind not in taken:
        raise UnsupportedMediaType(f"The body must be sent as {named}.", **{header: named})
    if charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("The body must be in UTF-8.", **{header: named})


@lru_cache(maxsize=256)
def _read(content_type: str) -> tuple[str, str]:
    """The type and the charset of a Content-Type."""
    header = Message()
    header["Content-Type"] = content_type
    return header.get_content_type(), str(header.get_content_charset("utf-8"))
