"""One service as a crowd sees it: as many connections as there are callers at once."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..wire import Connection


@dataclass
class Service:
    """Where one service answers, and the idle connections to it."""

    url: str
    _idle: list[Connection] = field(default_factory=list)

    async def post(self, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        """One attempt: the status and the body. Raises OSError when there is no connection, or it
        breaks."""
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
