"""A proxy that has one connection to a service, and sends everybody's requests over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ReusingProxy:
    """It passes on what it gets as it is, a head and a body in segments of their own."""

    def __init__(self) -> None:
        self.port = 0
        self.connected = 0
        self._service: Streams | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[str]:
        """In front of the service on that port; yields its own address."""

        async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head, body = await _message(reader)
                    writer.write(await self._pass_on(port, head, body))
            writer.close()

        server = await asyncio.start_server(attend, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            server.close()
            if self._service:
                self._service[1].close()

    async def _pass_on(self, port: int, head: bytes, body: bytes) -> bytes:
        """Whatever comes next from the service is the answer."""
        async with self._turn:
            if self._service is None or self._service[0].at_eof():
                self._service = await asyncio.open_connection("127.0.0.1", port)
                self.connected += 1
            reader, writer = self._service
            writer.write(head)
            answer = asyncio.create_task(_message(reader))
            await writer.drain()
            await asyncio.sleep(0.01)  # so that the body comes after the head was taken
            writer.write(body)
            return b"".join(await answer)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head, await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
