"""Clients who are slow, silent, or speak something that is nearly HTTP, over real sockets."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn

from chassis import connections
from chassis.admission import Admission, Overload
from chassis.app import ServiceApp
from chassis.server import configured

HEAD = b"POST /notes HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\n"
BODY = b'{"content": "x"}'
GET = b"GET /notes/count HTTP/1.1\r\nHost: s\r\n\r\n"
LAST = b"GET /notes/count HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def port(app: ServiceApp) -> AsyncIterator[int]:
    async with serving(app) as port:
        yield port


@asynccontextmanager
async def serving(app: ServiceApp) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(configured(app))
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def say(port: int, *parts: bytes, hang_up: bool = False) -> bytes:
    """All that is answered until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if hang_up:
            writer.write_eof()
        async with asyncio.timeout(8):
            return await reader.read()
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def assert_problem(answer: bytes, status: int) -> None:
    assert statuses(answer) == [status], answer[:300]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert json.loads(body)["request_id"]


async def test_pipelined_requests_are_answered_in_turn(port: int) -> None:
    post = HEAD + b"Content-Length: 16\r\n\r\n" + BODY
    answers = statuses(await say(port, (GET + post) * 10, post[:-5], post[-5:] + GET + LAST))
    assert answers == [200, 201] * 10 + [201, 200, 200]


async def test_endless_requests_are_not_kept(port: int) -> None:
    with suppress(ConnectionError):
        assert len(statuses(await say(port, *(GET * 1000 for _ in range(20))))) <= 200


CHUNKED = b"10\r\n" + BODY + b"\r\n0\r\n\r\n"


NO_HTTP = [
    HEAD + b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 16\r\n\r\n" + CHUNKED,
    HEAD + b"Content-Length: 16\r\nContent-Length: 17\r\n\r\n" + BODY,
    HEAD + b"Content-Length: 16\r\nContent-Length: 16\r\n\r\n" + BODY,
    HEAD + b"Content-Length: 16, 17\r\n\r\n" + BODY,
    HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
    HEAD + b"Content-Length: +16\r\n\r\n" + BODY,
    HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
    HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: xchunked, chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: chunked;q=1\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: \r\nContent-Length: 16\r\n\r\n" + BODY,
    HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    HEAD + b"Content-Type: text/plain\r\nContent-Length: 16\r\n\r\n" + BODY,
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n0\r\n\r\n",
    HEAD + b"X-Folded: one\r\n two\r\nContent-Length : 16\r\n\r\n" + BODY,
    HEAD + b"Bad Name: x\r\n\r\n",
    HEAD + b"X-Null: a\x00b\r\n\r\n",
    HEAD + b"X-Return: a\rb\r\n\r\n",
    HEAD + b"Host: other\r\n\r\n",
    b"GET /notes/count HTTP/1.1\r\n\r\n",
    b"GET /notes/count HTTP/9.9\r\nHost: s\r\n\r\n",
    b"GET /no tes HTTP/1.1\r\nHost: s\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
TOO_LONG = [
    b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: s\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: s\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: s\r\n" + b"X-More: x\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: s\r\n" + b"X-More: x\r\n" * 120 + b"\r\n",
]


async def test_what_is_no_http_is_refused(port: int) -> None:
    """Whatever two readers could understand in two ways above all: nothing is smuggled past us."""
    for sent in NO_HTTP:
        answer = await say(port, sent + LAST, hang_up=True)
        assert_problem(answer, 400)
    assert_problem(await say(port, b"GET /notes/count\r\n\r\n" + LAST), 400)
    assert statuses(await say(port, LAST)) == [200]


async def test_chunks_are_called_so_in_any_case(port: int) -> None:
    answer = await say(port, HEAD + b"transfer-encoding:  Chunked \r\n\r\n" + CHUNKED + LAST)
    assert statuses(answer) == [201, 200]


async def test_what_follows_a_body_is_no_header(port: int) -> None:
    """Whoever stands before us has judged the head alone; and there is no end of it."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED[:-2]
    late = b"Authorization: Bearer x\r\nContent-Type: text/plain\r\nIdempotency-Key: k\r\n\r\n"
    assert statuses(await say(port, chunked + late + LAST)) == [201, 200]
    for endless in (b"X-More: x\r\n" * 20_000, b"X-Long: " + b"x" * 200_000):
        with suppress(ConnectionError):
            assert statuses(await say(port, chunked, endless, endless)) in ([431], [])


async def test_head_is_bounded(port: int) -> None:
    for sent in TOO_LONG:
        assert_problem(await say(port, sent), 431)


async def test_endless_head_is_not_kept(port: int) -> None:
    """Ten megabytes of it are not even read."""
    with suppress(ConnectionError):
        answer = await say(port, b"GET / HTTP/1.1\r\nX-Long: ", *(b"x" * 2**20 for _ in range(10)))
        assert statuses(answer) == [431]


MADE_UP = [
    b"X-Request-ID: a b<script>",
    b"X-Request-ID: " + b"x" * 65,
    b"X-Request-ID: \xff",
    b"traceparent: 00-x",
    b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https",
]


async def test_nothing_that_a_client_makes_up_is_echoed(port: int) -> None:
    for header in MADE_UP:
        answer = await say(port, LAST.replace(b"Connection", header + b"\r\nConnection"))
        assert statuses(answer) == [200]
        assert header.split(b": ", 1)[1].split(b"\r\n")[0] not in answer
        assert b"evil" not in answer


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, only sooner."""
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)


Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def drip(start: bytes, drop: bytes) -> Client:
    """Begins, and goes on with a little now and then."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not reader.at_eof():
            writer.write(drop)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read(1000)

    return client


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Asks a lot, and reads no answer until all is over."""
    writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: s\r\n\r\n" * 90)
    while not writer.transport.is_closing() and not reader.at_eof():
        writer.write(b"GET ")
        await asyncio.sleep(0.05)  # what this client does: ask on slowly, and never read


SLOW = [
    silent,
    drip(b"GET / HTTP/1.1\r\nX-Slow: ", b"x"),
    drip(GET + b"GET / HTTP/1.1\r\nX-Slow: ", b"x"),
    drip(HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
    drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    drip(b"GET /notes/count HTTP/1.1\r\nHost: s\r\nContent-Length: 9000\r\n\r\n", b" "),
    deaf,
]


@pytest.mark.usefixtures("hasty")
async def test_who_keeps_us_waiting_is_cut_off(port: int) -> None:
    await asyncio.gather(*(is_cut_off(port, client) for client in SLOW))
    assert statuses(await say(port, LAST)) == [200]


async def is_cut_off(port: int, client: Client) -> None:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=2**10)
    started = time.monotonic()
    try:
        async with asyncio.timeout(6):
            with suppress(ConnectionError):
                await client(reader, writer)
    finally:
        writer.close()
    assert time.monotonic() - started > 0.2


@pytest.mark.usefixtures("hasty")
async def test_slow_body_is_told_so(port: int) -> None:
    assert_problem(await say(port, HEAD + b"Content-Length: 9\r\n\r\n{"), 408)


async def test_slow_bodies_take_nobodys_place(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "2")
    async with serving(app) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        for _, writer in slow:
            writer.write(HEAD + b"Content-Length: 9\r\n\r\n{")
        for _ in range(3):
            assert statuses(await say(port, LAST)) == [200]
        for _, writer in slow:
            writer.close()


@pytest.mark.usefixtures("hasty")
async def test_patient_client_may_keep_a_connection(port: int) -> None:
    """Between two requests nobody owes anything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readexactly(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await reader.read()
    writer.close()


async def test_too_many_clients_are_told_so(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.ClientConnection, "most", 1)
    _, first = await asyncio.open_connection("127.0.0.1", port)
    assert_problem(await say(port), 503)
    first.close()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is too much, and no place for any of it."""
    monkeypatch.setattr(Overload, "lasts", lambda *_: True)
    monkeypatch.setattr(Admission, "_places", lambda _: 0)


POST = HEAD + b"X-Request-ID: find-me\r\nContent-Length: 16\r\n\r\n" + BODY


@pytest.mark.usefixtures("full")
async def test_too_much_is_refused_before_anything_is_begun(
    app: ServiceApp, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(app) as port:
        answer = await say(port, POST[:-9], POST[-9:] + LAST)
        assert statuses(answer) == [503, 503]
        head, _, rest = answer.partition(b"\r\n\r\n")
        for header in (b"retry-after: 1", b"x-request-id: find-me", b"application/problem+json"):
            assert header in head.lower()
        body, _ = json.JSONDecoder().raw_decode(rest.decode())
        assert (body["type"], body["instance"]) == ("/problems/overloaded", "/notes")
    told = [line for line in capsys.readouterr().out.splitlines() if '"find-me"' in line]
    assert len(told) == 1
    assert '"route": "unmatched", "status": 503' in told[0]


@pytest.mark.usefixtures("full")
async def test_whoever_refuses_says_the_same(port: int) -> None:
    """What waits behind another request is refused by the application."""
    alive = b"GET /livez HTTP/1.1\r\nHost: s\r\n\r\n"
    answer = await say(port, POST + alive + POST + LAST)
    assert statuses(answer) == [503, 200, 503, 503]
    first, second = (answer.split(b"HTTP/1.1 ")[place] for place in (1, 3))
    assert comparable(first) == comparable(second)


def comparable(answer: bytes) -> tuple[set[bytes], bytes]:
    """Without what no two answers share; the server adds a date to those of the application."""
    head, _, body = answer.partition(b"\r\n\r\n")
    own = (b"date:", b"traceparent:")
    return {line for line in head.split(b"\r\n") if not line.startswith(own)}, body


@pytest.mark.usefixtures("full")
async def test_peers_come_in_under_overload(port: int) -> None:
    from_peer = POST.replace(b"X-Request-ID", b"X-Request-Timeout-Ms: 900\r\nX-Request-ID")
    assert statuses(await say(port, from_peer + LAST)) == [201, 503]


@pytest.mark.usefixtures("full", "hasty")
@pytest.mark.parametrize("rest", [b"1\r\nx", b"no length\r\n"])
async def test_the_body_of_what_was_refused_is_not_answered_again(port: int, rest: bytes) -> None:
    """It may be late, or broken."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert statuses(await say(port, chunked, rest)) == [503]
    whole = chunked + b"1\r\nx\r\n0\r\n\r\n"
    assert statuses(await say(port, whole + whole + LAST)) == [503, 503, 503]


@pytest.mark.usefixtures("full")
async def test_who_hangs_up_after_each_request_is_refused_likewise(port: int) -> None:
    for request in (LAST, LAST.replace(b"1.1", b"1.0"), LAST.replace(b"GET", b"HEAD")):
        answer = await say(port, request)
        assert statuses(answer) == [503]
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\n" if request.startswith(b"HEAD") else b"}")
