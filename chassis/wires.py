"""What carries a request to a peer and brings its answer: sockets, or a test's own function."""

from collections.abc import AsyncIterable
from typing import Protocol

import aiohttp
import httpx
from yarl import URL

MAX_REPLY_BYTES = 16 * 1024 * 1024

# As many calls of one peer at once.
MOST_CONNECTIONS = 64
# Idle connections are dropped well before a server's own keep-alive ends, so that none is
# picked up just as the other side closes it.
KEEP_ALIVE_SECONDS = 5.0

# Without a deadline of its own: the caller has one.
NO_TIMEOUT = aiohttp.ClientTimeout(total=None)

FAILURES = (httpx.HTTPError, aiohttp.ClientError, OSError, TimeoutError)


class TooLarge(Exception):
    """An answer that nobody wants to hold."""


class Wire(Protocol):
    """To one peer. What goes wrong under way is one of FAILURES."""

    async def exchange(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        """The status and the whole body of the answer. Raises TooLarge past MAX_REPLY_BYTES."""

    async def close(self) -> None: ...


class Sockets:
    """The network. Nothing is kept from one answer to the next, no redirect followed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def exchange(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        session = self._session or self._open()
        # The caller has encoded it; to do so again would be to change it.
        where = URL(url, encoded=True)
        async with session.request(
            method, where, headers=headers, data=content, allow_redirects=False
        ) as answer:
            if (answer.content_length or 0) > MAX_REPLY_BYTES:
                raise TooLarge  # before it keeps us busy
            return answer.status, await _bounded(answer.content.iter_any())

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=NO_TIMEOUT,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept"),
        )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Faked:
    """A transport of httpx's, which tests put in the place of the network."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def exchange(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        request = httpx.Request(method, url, headers=headers, content=content)
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            return response.status_code, await _bounded(response.stream)
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._transport.aclose()


async def _bounded(body: AsyncIterable[bytes]) -> bytes:
    chunks, size = [], 0
    async for chunk in body:
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)
