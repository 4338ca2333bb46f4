"""Requests that ask for another protocol on their connection, over real sockets.

Each of them is served as the HTTP/1.1 that it is, body and all: Java's own client sends every
request so. What follows the head is never another request.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import httpx
import pytest

from chassis.app import ServiceApp
from chassis.connections import MAX_PIPELINED
from chassis.tests.reuse import ReusingProxy
from chassis.tests.test_connections import assert_problem, say, serving, statuses

UPGRADES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n",
    b"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
    b"connection: UPGRADE\r\nupgrade: foo\r\nUpgrade: bar\r\n",
    b"Proxy-Connection: upgrade\r\nUpgrade: h2c\r\n",
]
LAST = b"GET /notes/count HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"


def post(content: str, upgrade: bytes, *, chunked: bool = False) -> bytes:
    body = json.dumps({"content": content}).encode()
    head = b"POST /notes HTTP/1.1\r\nHost: s\r\n%bContent-Type: application/json\r\n" % upgrade
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
async def port(app: ServiceApp) -> AsyncIterator[int]:
    async with serving(app) as port:
        yield port


def contents(answer: bytes) -> list[str]:
    """Of the notes in an answer of several."""
    parts = answer.split(b"HTTP/1.1 ")[1:]
    bodies = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in parts]
    return [body["content"] for body in bodies if isinstance(body, dict)]


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("chunked", [False, True])
async def test_its_body_is_read(port: int, upgrade: bytes, chunked: bool) -> None:
    """In one segment with its head, or however it comes, with others behind it."""
    sent = post("one", upgrade, chunked=chunked)
    head_ends = sent.index(b"\r\n\r\n") + 4
    for parts in (
        [sent],
        [sent[:head_ends], sent[head_ends:]],
        [sent[: head_ends - 1], sent[head_ends - 1 :]],
        [sent[: head_ends + 5], sent[head_ends + 5 :]],
        [bytes([byte]) for byte in sent],
    ):
        answer = await say_apart(port, [*parts, post("two", upgrade) + post("three", b""), LAST])
        assert statuses(answer) == [201, 201, 201, 200]
        assert contents(answer) == ["one", "two", "three"]


async def say_apart(port: int, parts: Sequence[bytes]) -> bytes:
    """Each in a segment of its own: it is taken before the next is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)  # both ends run in this loop: the other one reads now
        async with asyncio.timeout(8):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_without_a_body_it_is_served_too(port: int, upgrade: bytes) -> None:
    get = LAST.replace(b"Connection: close\r\n", upgrade)
    assert statuses(await say(port, get * 3 + LAST)) == [200] * 4
    old = get.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert statuses(await say(port, old)) == [200]


@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_its_body_is_no_request(port: int, upgrade: bytes) -> None:
    """Whatever it looks like, and however late it comes."""
    smuggled = b"POST /notes HTTP/1.1\r\nHost: s\r\nContent-Length: 0\r\n\r\n"
    head = b"GET /notes/count HTTP/1.1\r\nHost: s\r\n%bContent-Length: %d\r\n\r\n"
    head %= (upgrade, len(smuggled))
    for parts in ([head + smuggled], [head, smuggled], [head, smuggled[:9], smuggled[9:]]):
        assert statuses(await say_apart(port, [*parts, LAST])) == [200, 200]


@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_it_is_bounded_as_any_request(port: int, upgrade: bytes) -> None:
    get = LAST.replace(b"Connection: close\r\n", upgrade)
    assert_problem(await say(port, get.replace(b"Host: s\r\n", b"")), 400)
    more = get.replace(b"\r\n\r\n", b"\r\n" + b"X-More: x\r\n" * 120 + b"\r\n")
    assert_problem(await say(port, more), 431)
    both = post("x", upgrade).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert_problem(await say(port, both), 400)
    with suppress(ConnectionError):
        assert len(statuses(await say(port, get * 500))) <= MAX_PIPELINED
    assert statuses(await say(port, get + LAST)) == [200, 200]


@pytest.mark.parametrize(
    "line", [b"CONNECT s:443", b"CONNECT /notes/count", b"CONNECT *", b"CONNECT http://s/"]
)
async def test_there_are_no_tunnels(port: int, line: bytes) -> None:
    for more in (b"", b"Content-Length: 5\r\n", UPGRADES[0]):
        connect = line + b" HTTP/1.1\r\nHost: s\r\n" + more + b"\r\n"
        assert_problem(await say(port, connect + LAST, hang_up=True), 400)


@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_nobody_behind_a_proxy_gets_anothers_answer(port: int, upgrade: bytes) -> None:
    """Where two clients share the proxy's connection, one's body is not the other's request."""
    smuggled = b"GET /livez HTTP/1.1\r\nHost: s\r\n\r\n"
    attack = b"GET /notes/count HTTP/1.1\r\nHost: s\r\n%bContent-Length: %d\r\n\r\n"
    attack = attack % (upgrade, len(smuggled)) + smuggled
    proxy = ReusingProxy()
    async with proxy.serving(port) as address, httpx.AsyncClient(base_url=address) as victim:
        for number in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(attack)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            made = await victim.post("/notes", json={"content": f"mine {number}"})
            assert (made.status_code, made.json().get("content")) == (201, f"mine {number}")
            assert (await victim.get("/livez")).json()["status"] == "alive"
    assert proxy.connected == 1
