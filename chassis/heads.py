"""The heads of requests, as the parser hands them over, before anything is made of them."""

from httptools import HttpRequestParser

Header = tuple[bytes, bytes]


def without_upgrade(parser: HttpRequestParser, target: bytes, headers: list[Header]) -> bytes:
    """The head of a request again, so that a parser reads it as ordinary HTTP/1.1.

    A request may ask for another protocol on its connection, and a server need not take that up
    (RFC 9110, 7.8): Java's own client asks for HTTP/2 with every request over plain HTTP. The
    parser, though, does not read the body of such a request: it would become the next request.
    """
    version = parser.get_http_version().encode()
    lines = [b"%b %b HTTP/%b" % (parser.get_method(), target, version)]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"\r\n"])
