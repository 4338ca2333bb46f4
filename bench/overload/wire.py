"""One service as a crowd sees it: as many connections as there are callers at once."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..wire import Connection

# The status and the body.
Answer = tuple[int, bytes]


def post(path: str, body: bytes, key: str) -> bytes:
    """A request."""
    return (
        b"POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
    ) % (path.encode(), key.encode(), len(body), body)


@dataclass
class Service:
    """Where one service answers, and the idle connections to it."""

    url: str
    _idle: list[Connection] = field(default_factory=list)

    async def ask(self, request: bytes) -> Answer:
        """One attempt. Raises OSError when there is no connection, or it breaks."""
        connection = self._idle_one() or await self._new_one()
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def ask_at_once(self, request: bytes) -> asyncio.Future[Answer] | None:
        """Without a task, on a connection that is idle; None where none is. The future fails with
        an OSError when the connection breaks."""
        connection = self._idle_one()
        if connection is None:
            return None
        asked = connection.ask(request)
        asked.add_done_callback(lambda _: self._idle.append(connection))
        return asked

    def _idle_one(self) -> Connection | None:
        while self._idle:
            if (connection := self._idle.pop()).open:
                return connection
        return None

    async def _new_one(self) -> Connection:
        address = urlsplit(self.url)
        host, port = address.hostname or "", address.port or 80
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, host, port)
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
