"""HTTP as lean as it gets, so that the load costs the machine little beside what it loads."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from chassis.callers import Role
from fleet import issuer

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


class Unexpected(Exception):
    """An answer of another status than a load needs; carries that status."""


class Connection(asyncio.Protocol):
    """One request at a time; every answer must say its length, as the services' do."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one, and does not say so.
        self._transport = cast(asyncio.Transport, transport)

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """The status and the body."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        end = self._received.find(END_OF_HEAD)
        if end < 0 or self._answer is None:
            return
        at = self._received.find(LENGTH, 0, end) + len(LENGTH)
        length = int(self._received[at : self._received.find(b"\r", at)])
        body = end + len(END_OF_HEAD)
        if len(self._received) >= body + length:
            status, content = int(self._received[9:12]), self._received[body:]
            self._received = b""
            if not self._answer.done():  # nobody waits any more
                self._answer.set_result((status, content))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed by the service"))


class Client:
    """One caller: a connection to each service that it has been to.

    With `keys`, those of a fleet that lets nobody in without a token, it shows one.
    """

    def __init__(
        self, urls: Mapping[str, str], *, keyed: bool = True, keys: Path | None = None
    ) -> None:
        self._urls = urls
        self._keyed = keyed
        self._keys = keys
        self._authorization = b""
        self._connections: dict[str, Connection] = {}

    async def connect(self, service: str) -> None:
        host, _, port = urlsplit(self._urls[service]).netloc.rpartition(":")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, host, int(port))
        self._connections[service] = connection

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def act_as(self, role: Role, subject: str) -> None:
        """Show a new token from now on, as somebody who has just signed in."""
        if self._keys:
            token = issuer.token(self._keys, role, subject)
            self._authorization = f"Authorization: Bearer {token}\r\n".encode()

    async def get(self, service: str, path: str) -> bytes:
        """Raises Unexpected for anything but 200."""
        return await self._ask(
            service,
            b"GET %s HTTP/1.1\r\nHost: shop\r\n%s\r\n" % (path.encode(), self._authorization),
        )

    async def post(
        self, service: str, path: str, body: Any, key: str, status: int = 201
    ) -> dict[str, Any]:
        """The answer, whose status must be this one. Raises Unexpected.

        `key` is the request's Idempotency-Key, as a real client sends one.
        """
        content = json.dumps(body).encode()
        named = b"Idempotency-Key: %s\r\n" % key.encode() if self._keyed else b""
        head = (
            b"POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
            b"%s%sContent-Length: %d\r\n\r\n"
        ) % (path.encode(), named, self._authorization, len(content))
        answer: dict[str, Any] = json.loads(await self._ask(service, head + content, status))
        return answer

    async def _ask(self, service: str, request: bytes, wanted: int = 200) -> bytes:
        if service not in self._connections:
            await self.connect(service)
        status, body = await self._connections[service].ask(request)
        if status != wanted:
            raise Unexpected(status)
        return body
