"""The network itself, against a server that answers what it is told to, byte for byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from chassis.wires import FAILURES, MAX_REPLY_BYTES, Sockets, TooLarge

OK = b"HTTP/1.1 200 OK\r\n"


def url_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def answering(*parts: bytes, times: int = 1) -> AsyncIterator[str]:
    """A server that says these, the last one so often, and hangs up; yields its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for part in (*parts[:-1], *parts[-1:] * times):
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # enough was heard
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield url_of(server)


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    wire = Sockets()
    yield wire
    await wire.close()


async def test_status_and_body_are_brought_as_they_are(sockets: Sockets) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nSet-Cookie: a=b\r\n"
    async with answering(head + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc") as url:
        assert await sockets.exchange("GET", url, {}, None) == (302, b"abc")


async def test_what_was_encoded_stays_so(sockets: Sockets) -> None:
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n"))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        url = url_of(server)
        await sockets.exchange("GET", f"{url}/products/A%2F1%20%25?sku=a%26b", {}, None)
    assert (await heard)[0] == b"GET /products/A%2F1%20%25?sku=a%26b HTTP/1.1"


async def test_declared_too_large_is_not_read(sockets: Sockets) -> None:
    head = OK + b"Content-Length: %d\r\n\r\n" % (MAX_REPLY_BYTES + 1)
    async with answering(head) as url, asyncio.timeout(5):
        with pytest.raises(TooLarge):
            await sockets.exchange("GET", url, {}, None)


async def test_endless_is_not_read_to_its_end(sockets: Sockets) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    async with (
        answering(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk, times=100) as url,
        asyncio.timeout(10),
    ):
        with pytest.raises(TooLarge):
            await sockets.exchange("GET", url, {}, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 2",
        b"nonsense\r\n\r\n",
        OK + b"Content-Length: 10\r\n\r\nhalf",
        OK + b"Content-Length: x\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nz\r\n",
        OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_a_failure(sockets: Sockets, answer: bytes) -> None:
    async with answering(answer) as url:
        with pytest.raises(FAILURES):
            await sockets.exchange("GET", url, {}, None)


async def test_nobody_there_is_a_failure(sockets: Sockets, unused_tcp_port: int) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await sockets.exchange("GET", f"http://127.0.0.1:{unused_tcp_port}", {}, None)
