"""Bodies of requests that are not let in: nobody waits for them, and nothing of them is held."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis import connections
from chassis.app import ServiceApp
from chassis.auth import LOCAL_KEY
from chassis.connections import ClientConnection
from chassis.tests.test_auth import token
from chassis.tests.test_connections import BODY, say, serving, statuses
from fleet.keys import make_missing

HEAD = b"POST %b HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\n%b"
LAST = b"GET /livez HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
LARGE = b"Content-Length: 1000000\r\n\r\n"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_missing(tmp_path / "keys", ["sample", "other", LOCAL_KEY])
    return tmp_path / "keys"


@pytest.fixture
def environment(keys: Path) -> dict[str, str]:
    return {"AUTH_MODE": "enforce", "KEYS_DIR": str(keys)}


@pytest.fixture
async def port(app: ServiceApp) -> AsyncIterator[int]:
    async with serving(app) as port:
        yield port


def unbelievable(keys: Path) -> list[bytes]:
    shown = ["", "Bearer x", "Basic c2FtOnNhbQ==", token(keys, "staff", exp=1)["Authorization"]]
    shown.append(token(keys, "staff")["Authorization"][:-8] + "AAAAAAAA")
    return [f"Authorization: {each}\r\n".encode() if each else b"" for each in shown]


async def test_a_token_is_asked_for_before_the_body(port: int, keys: Path) -> None:
    """The answer is there while nothing of the body has come, or only its beginning."""
    for authorization in unbelievable(keys):
        for begun in (b"", b"[" + b" " * 1000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD % (b"/notes", authorization) + LARGE + begun)
            async with asyncio.timeout(1):
                answer = await reader.readuntil(b"\r\n\r\n")
            assert statuses(answer) == [401], authorization
            # What still comes of it is thrown away, and is no other request.
            writer.write(LAST * 2 + b" " * (1_000_000 - len(begun) - 2 * len(LAST)) + LAST)
            assert statuses(await reader.read()) == [200]
            writer.close()


async def test_with_a_token_the_body_is_waited_for(port: int, keys: Path) -> None:
    shown = f"Authorization: {token(keys, 'staff')['Authorization']}\r\n".encode()
    head = HEAD % (b"/notes", shown + b"Content-Length: 16\r\n\r\n")
    assert statuses(await say(port, head, BODY[:5], BODY[5:] + LAST)) == [201, 200]


async def test_nothing_is_held_for_whoever_shows_no_token(port: int) -> None:
    """Of two hundred connections, each with most of a megabyte, and slow to end."""
    attackers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    for _, writer in attackers:
        writer.write(HEAD % (b"/notes", LARGE) + b" " * 850_000)
    for reader, writer in attackers:
        await writer.drain()
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [401]
    ours = [each for each in gc.get_objects() if isinstance(each, ClientConnection)]
    held = sum(len(each.cycle.body) for each in ours if each.cycle is not None)
    assert held < 10_000_000
    assert statuses(await say(port, LAST)) == [200]
    for _, writer in attackers:
        writer.close()


async def test_what_is_thrown_away_has_an_end(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_DRAINED_BYTES", 100_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD % (b"/notes", b"Transfer-Encoding: chunked\r\n\r\n"))
    assert statuses(await reader.readuntil(b"\r\n\r\n")) == [401]
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await send_for_ever(writer)
    writer.close()


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("method", [b"POST", b"GET"])
async def test_who_asks_before_sending_is_told_no(port: int, method: bytes) -> None:
    """And whatever is sent then belongs to nothing: the connection ends."""
    head = HEAD.replace(b"POST", method) % (b"/notes", b"Expect: 100-continue\r\n" + LARGE)
    answer = await say(port, head)
    assert statuses(answer) == [405 if method == b"GET" else 401]
    assert b"\r\nconnection: close\r\n" in answer
    assert b"100 Continue" not in answer


async def test_who_asks_before_sending_is_told_to_go_on(port: int, keys: Path) -> None:
    shown = f"Authorization: {token(keys, 'staff')['Authorization']}\r\n".encode()
    asks = shown + b"Expect: 100-continue\r\nContent-Length: 16\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD % (b"/notes", asks))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(BODY)
    assert statuses(await reader.read()) == [201]
    writer.close()
