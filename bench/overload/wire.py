"""HTTP as lean as it gets, so that the load costs the machine little beside what it loads."""

import asyncio
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time; every answer must say its length, as the services' do."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[Answer] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one, and does not say so.
        self._transport = cast(asyncio.Transport, transport)

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(END_OF_HEAD)
        if not found:
            return
        at = head.lower().index(LENGTH) + len(LENGTH)
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(body) >= length and self._answer and not self._answer.done():
            self._received = b""
            self._answer.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed by the service"))


@dataclass
class Service:
    """Where one service answers, and the idle connections to it."""

    url: str
    _idle: list[Connection] = field(default_factory=list)

    async def post(self, path: str, body: bytes, key: str) -> Answer:
        """One attempt. Raises OSError when there is no connection, or it breaks."""
        connection = await self._connection()
        try:
            answer = await connection.ask(
                b"POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
                b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (path.encode(), key.encode(), len(body), body)
            )
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).open:
                return connection
        address = urlsplit(self.url)
        host, port = address.hostname or "", address.port or 80
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, host, port)
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
