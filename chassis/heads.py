"""Checks of a request's head, right after it was parsed."""

from httptools import HttpParserInvalidURLError, HttpRequestParser, parse_url

from .cors import Header
from .problems import (
    BadRequest,
    Problem,
    RequestHeaderFieldsTooLarge,
)

MAX_HEADERS = 100

# Headers that may come once only: of two, one reader takes the first, another the last.
SINGLE = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"transfer-encoding",
    }
)

# The target of OPTIONS that asks about the server as a whole.
ASTERISK = b"*"


def refusal_of(parser: HttpRequestParser, headers: list[Header]) -> Problem | None:
    """Why a head is refused that the parser accepts; None if it is not."""
    version = parser.get_http_version()
    if version not in ("1.0", "1.1"):
        # Not 505: that would count as a fault of ours, and anybody can send such a line.
        return BadRequest("HTTP/1.1 and HTTP/1.0 are understood here.")
    if len(headers) > MAX_HEADERS:
        return RequestHeaderFieldsTooLarge()
    names = [name for name, _ in headers]
    if len(set(names)) < len(names):
        for name in SINGLE:
            if names.count(name) > 1:
                return BadRequest(f"There may be only one {name.decode().title()} header.")
    if b"host" not in names and version == "1.1":
        return BadRequest("There must be a Host header.")
    if b"transfer-encoding" in names and not _is_chunked(version, dict(headers)):
        return BadRequest("The only Transfer-Encoding is chunked, in HTTP/1.1.")
    if parser.should_upgrade() and parser.get_method() == b"CONNECT":
        return BadRequest("There are no tunnels here.")
    return None


def _is_chunked(version: str, headers: dict[bytes, bytes]) -> bool:
    return version == "1.1" and headers[b"transfer-encoding"].strip(b" \t").lower() == b"chunked"


def path_and_query(target: bytes) -> bytes | None:
    """The path and query of a target in absolute form, or an asterisk as it is. None for any other
    target that does not begin with a slash."""
    if target == ASTERISK:
        return target
    if not target.lower().startswith((b"http://", b"https://")):
        return None
    try:
        url = parse_url(target)
    except HttpParserInvalidURLError:
        return None
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")


def without_upgrade(parser: HttpRequestParser, target: bytes, headers: list[Header]) -> bytes:
    """The head of a request without its Upgrade header: a parser reads it as ordinary HTTP/1.1.

    A request may ask for another protocol on its connection, and a server may ignore that (RFC
    9110, 7.8): Java's own client asks for HTTP/2 with every request over plain HTTP. But the parser
    does not read the body of such a request, so that the body would be taken for the next request.
    """
    version = parser.get_http_version().encode()
    lines = [b"%b %b HTTP/%b" % (parser.get_method(), target, version)]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"\r\n"])
