"""A way to PostgreSQL that can fall silent."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

Way = tuple[str, Callable[[], AbstractContextManager[None]]]


@asynccontextmanager
async def link(dsn: str) -> AsyncIterator[Way]:
    """The same database through a port of ours, and blocks in which nothing passes there."""
    passing = asyncio.Event()
    passing.set()

    async def pump(source: StreamReader, sink: StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await passing.wait()
                sink.write(data)
        finally:
            sink.close()

    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        server_reader, server_writer = await _open(dsn)
        await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

    @contextmanager
    def silence() -> Iterator[None]:
        passing.clear()
        try:
            yield
        finally:
            passing.set()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        parts = urlsplit(dsn)
        login = parts.netloc.rpartition("@")[0]
        yield urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}")), silence


async def _open(dsn: str) -> tuple[StreamReader, StreamWriter]:
    host, _, port = urlsplit(dsn).netloc.rpartition("@")[2].rpartition(":")
    if host.startswith("%2F"):
        return await asyncio.open_unix_connection(f"{unquote(host)}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, int(port))
