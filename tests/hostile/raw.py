"""Requests byte by byte, over sockets, and what is answered."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Raw:
    """One answer, with its headers by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def tell(port: int, sent: bytes) -> bytes:
    """All that is answered until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(8):
            return await reader.read()
    finally:
        writer.close()


async def request(
    port: int, line: str, headers: str = "Host: localhost\r\n", body: bytes = b""
) -> Raw:
    """Of a connection that ends with it."""
    head = f"{line}\r\n{headers}Connection: close\r\n\r\n".encode("latin-1")
    return parsed(await tell(port, head + body))


def parsed(answer: bytes) -> Raw:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Raw(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)
