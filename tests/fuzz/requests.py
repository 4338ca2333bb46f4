"""Requests for the operations of an OpenAPI page."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from .values import RAW_NUMBERS, Schema, Values

METHODS = ("get", "put", "post", "delete", "patch")

# A third of the requests are meant well, and half of the others are wrong in one place or two.
EVIL = (0.0, 0.0, 0.05, 0.1, 0.3, 0.6)

# What takes nothing is asked now and then.
SAME_AGAIN = 0.02


# What no object is, where one is wanted.
SCALARS = (
    b"1",
    b"6.90",
    b"1.5",
    b"1e3",
    b"-0.0",
    b'"text"',
    b'""',
    b"true",
    b"false",
    b"[]",
    b"[{}]",
)

# None of these names a version that anything has.
STALE = (b'"no-such-version"', b'W/"no-such-version"', b'"x", "y"', b"nonsense", b'"x-gzip"')

STRANGE_METHODS = ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X")
STRANGE_TARGETS = ("*", "/", "//", "/..", "/%2e%2e/x", "/%00", "/%ff", "/\u00e9", "/" + "a" * 3000)

# Any client or proxy may send them; none may break anything.
MORE_HEADERS: tuple[tuple[str, bytes], ...] = (
    ("If-None-Match", b'"1"'),
    ("If-None-Match", b"*"),
    ("If-Match", b"*"),
    ("If-Match", b'"1-gzip"'),
    ("If-Modified-Since", b"Sat, 28 Nov 2026 00:00:00 GMT"),
    ("Content-Encoding", b"gzip"),
    ("Content-Encoding", b"identity"),
    ("Accept", b"text/html"),
    ("Accept-Encoding", b"br;q=1.0, *;q=0"),
    ("Origin", b"https://shop.example"),
    ("Sec-Fetch-Site", b"cross-site"),
    ("Range", b"bytes=0-10"),
    ("Expect", b"100-continue"),
    ("X-Request-ID", b"a" * 64),
    ("X-Request-Timeout-Ms", b"99999"),
    ("traceparent", b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"),
    ("tracestate", b"vendor=1,other=2"),
    ("X-HTTP-Method-Override", b"DELETE"),
    ("X-Forwarded-For", b"10.0.0.1"),
)


@dataclass(frozen=True)
class Request:
    """`must_not` says why it must not succeed, where that is so whatever the service holds."""

    operation: str
    method: str
    target: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    must_not: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.target} {dict(self.headers)} {self.body[:2000]!r}"


class Generator:
    """An endless row of requests, the same for the same seed and the same answers."""

    def __init__(self, document: Schema, seed: int) -> None:
        self.values = Values(document, seed)
        self._operations = [
            (method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if method in METHODS
        ]

    def __iter__(self) -> Iterator[Request]:
        while True:
            for method, path, operation in self._operations:
                if _varies(operation) or self.values.chance.random() < SAME_AGAIN:
                    yield self._request(method, path, operation)

    def _request(self, method: str, path: str, operation: Schema) -> Request:
        evil = self.values.chance.choice(EVIL)
        query: list[tuple[str, str]] = []
        target, headers = path, {}
        for parameter in operation.get("parameters", ()):
            if "$ref" in parameter or not self._wanted(parameter):
                continue
            name = parameter["name"]
            value = self.values.of(name, parameter["schema"], evil)
            if parameter["in"] == "path":
                target = target.replace(f"{{{name}}}", _quoted(value))
            elif parameter["in"] == "query":
                query += [(name, each) for each in (value if isinstance(value, list) else [value])]
            else:
                headers[name] = _latin(value)
        must_not = ""
        if self._rarely() and "operations" not in operation["tags"]:
            query.append((f"x-{self.values.chance.randrange(9)}", "1"))
            must_not = "an unknown parameter was passed over"
        if query:
            target += "?" + urlencode(query, errors="surrogatepass")
        body = self._body(operation, evil)
        if self._rarely() and "requestBody" in operation:
            body = self.values.chance.choice(SCALARS)
            must_not = "a body that is no object was taken for one"
        headers["Content-Type"] = b"application/json" if evil < 0.6 else self._type()
        if self._rarely() and "operations" not in operation["tags"]:
            headers["If-Match"] = self.values.chance.choice(STALE)
            must_not = "a precondition was passed over"
        target = re.sub(r"\{\w+\}", "-", target)
        # A second line of the same name would be one more tag that may match.
        others = [each for each in self._more_headers() if each[0] not in headers]
        several = [*headers.items(), *others]
        made = Request(f"{method} {path}", method, target, tuple(several), body, must_not)
        return self._strange(made) if self._rarely() else made

    def _rarely(self) -> bool:
        return self.values.chance.random() < 0.02

    def _more_headers(self) -> list[tuple[str, bytes]]:
        some = self.values.chance.choices((0, 1, 2), (8, 1, 1))[0]
        return [self.values.chance.choice(MORE_HEADERS) for _ in range(some)]

    def _strange(self, request: Request) -> Request:
        """Another method, another target, or a header twice."""
        chance = self.values.chance
        kind = chance.randrange(3)
        if kind == 0:
            return replace(request, method=chance.choice(STRANGE_METHODS), must_not="")
        if kind == 1:
            return replace(request, target=chance.choice(STRANGE_TARGETS), must_not="")
        return replace(request, headers=request.headers * 2, must_not="")

    def _wanted(self, parameter: Schema) -> bool:
        return parameter["in"] == "path" or self.values.chance.random() < 0.4

    def _type(self) -> bytes:
        kinds = (b"application/json", b"text/plain", b"", b"application/json; charset=utf-16")
        return self.values.chance.choice(kinds)

    def _body(self, operation: Schema, evil: float) -> bytes:
        if "requestBody" not in operation:
            return b""
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = json.dumps(self.values.of("body", schema, evil / 4)).encode()
        chance = self.values.chance
        if chance.random() > evil / 3:
            return body
        kind = chance.randrange(6)
        if kind == 0:  # a number that JSON does not know, or Python cannot hold
            number = chance.choice(RAW_NUMBERS).encode()
            return re.sub(rb"(?<=: )(\"[^\"]*\"|\d+)", number, body, count=1)
        if kind == 1:
            return body[: chance.randrange(len(body) + 1)]
        if kind == 2:
            return body.replace(b'"', b'"\xff', 1)
        if kind == 3:
            return b'{"a":' * 5000 + body + b"}" * 5000
        if kind == 4:
            return b"{" + body[1:-1] + b", " + body[1:]
        spot = chance.randrange(len(body) + 1)
        return body[:spot] + bytes([chance.randrange(256)]) + body[spot:]


def _varies(operation: Schema) -> bool:
    parameters = [each for each in operation.get("parameters", ()) if "$ref" not in each]
    return bool(parameters) or "requestBody" in operation


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text or "%", safe="", errors="surrogatepass")


def _latin(value: Any) -> bytes:
    """A header as it may come over the wire: no line ends and no NUL get past the parser."""
    return re.sub(r"[\r\n\x00]", "", str(value)).encode("latin-1", "replace")
