"""Requests for the operations of an OpenAPI page."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from .values import RAW_NUMBERS, Schema, Values

METHODS = ("get", "put", "post", "delete", "patch")

# A third of the requests are meant well, and half of the others are wrong in one place or two.
EVIL = (0.0, 0.0, 0.05, 0.1, 0.3, 0.6)

# What takes nothing is asked now and then.
SAME_AGAIN = 0.02


@dataclass(frozen=True)
class Request:
    operation: str
    method: str
    target: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes

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
        if query:
            target += "?" + urlencode(query, errors="surrogatepass")
        body = self._body(operation, evil)
        headers["Content-Type"] = b"application/json" if evil < 0.6 else self._type()
        target = re.sub(r"\{\w+\}", "-", target)
        return Request(f"{method} {path}", method, target, tuple(headers.items()), body)

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
