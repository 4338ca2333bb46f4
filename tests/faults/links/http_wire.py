"""HTTP/1.1 as the services and their clients speak it: where each message ends."""

import asyncio
import re
from collections import deque
from dataclasses import dataclass

from .proxy import Exchange, Link, Stream

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Head:
    """The first line and the headers of a message, names in lower case."""

    raw: bytes
    line: str
    headers: dict[str, str]

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> "Head":
        raw = await reader.readuntil(b"\r\n\r\n")
        line, *lines = raw.decode("latin-1").rstrip().split("\r\n")
        pairs = (each.partition(":") for each in lines)
        return cls(raw, line, {name.lower(): value.strip() for name, _, value in pairs})

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()


@dataclass(eq=False)
class Call(Exchange):
    """A request over HTTP."""

    method: str = ""
    path: str = ""
    key: str | None = None
    """Its Idempotency-Key."""
    status: int = 0
    """Of the answer, once it is there."""
    body: bytes = b""

    @property
    def route(self) -> str:
        """What the request is for, without whom it concerns: `PUT-orders-id-payment`."""
        parts = [
            "id" if ID.fullmatch(part) else part
            for part in self.path.partition("?")[0].strip("/").split("/")
        ]
        return "-".join((self.method, *parts))


class HttpWire:
    """One connection of a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._asked: deque[Call] = deque()

    async def greet(self, caller: Stream, callee: Stream) -> None:
        """Nothing is said before the first request."""

    async def request(self, caller: asyncio.StreamReader) -> Call:
        head = await Head.read(caller)
        raw, _ = await whole(caller, head)
        method, path, _ = head.line.split(" ", 2)
        call = Call(self._link, raw, b"", method, path, head.headers.get("idempotency-key"))
        self._asked.append(call)
        return call

    async def answer(self, callee: asyncio.StreamReader) -> Call:
        head = await Head.read(callee)
        if not self._asked:
            raise ConnectionError("an answer that nobody has asked for")
        return await _answered(self._asked.popleft(), head, callee)


async def answer_to(call: Call, callee: asyncio.StreamReader) -> Call:
    """The call with what the callee says next."""
    return await _answered(call, await Head.read(callee), callee)


async def _answered(call: Call, head: Head, callee: asyncio.StreamReader) -> Call:
    call.status = int(head.line.split(" ", 2)[1])
    if call.method == "HEAD" or call.status in (204, 304):
        call.answer = head.raw
    else:
        call.answer, call.body = await whole(callee, head)
    return call


async def whole(reader: asyncio.StreamReader, head: Head) -> tuple[bytes, bytes]:
    """The message that begins with this head, and its body."""
    if head.is_chunked:
        framed, body = await _chunks(reader)
        return head.raw + framed, body
    body = await reader.readexactly(int(head.headers.get("content-length", 0)))
    return head.raw + body, body


async def _chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    framed = body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.partition(b";")[0], 16))
        framed += size + chunk
        if not chunk:
            return framed + await _trailer(reader), body
        framed += await reader.readexactly(2)
        body += chunk


async def _trailer(reader: asyncio.StreamReader) -> bytes:
    """The lines that may follow the last chunk, and the empty one that does."""
    lines = b""
    while not lines.endswith(b"\r\n\r\n") and lines != b"\r\n":
        lines += await reader.readuntil(b"\r\n")
    return lines
