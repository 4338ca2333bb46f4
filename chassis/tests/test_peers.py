"""Calls to peers: bounded, repeated in one place, never believed blindly."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from chassis.app import ServiceApp
from chassis.peers import Answer
from chassis.problems import DependencyUnavailable
from conftest import running
from tests.standstill import undisturbed

Handler = Callable[[httpx.Request], httpx.Response]

CALLS: list[httpx.Request] = []


def greeting(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"greeting": "hello", "new member": 1})


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


ANSWERS: dict[str, Handler] = {
    "down": refuse,
    "failing": lambda _: httpx.Response(500, json={}),
    "overloaded": lambda _: httpx.Response(503, json={}),
    "html": lambda _: httpx.Response(200, html="<h1>hello</h1>"),
    "other shape": lambda _: httpx.Response(200, json={"greting": 1}),
    "redirect": lambda _: httpx.Response(302, headers={"location": "http://elsewhere"}),
    "not json": lambda _: httpx.Response(200, content=b"{"),
    "deep": lambda _: httpx.Response(200, content=b"[" * 100_000),
    "endless": lambda _: httpx.Response(200, content=b" " * (16 * 1024 * 1024 + 1)),
}


@pytest.fixture
def peers(request: pytest.FixtureRequest) -> Handler:
    CALLS.clear()
    answer: Handler = getattr(request, "param", greeting)

    def handle(call: httpx.Request) -> httpx.Response:
        CALLS.append(call)
        return answer(call)

    return handle


async def test_ids_and_time_left_travel_on(service: httpx.AsyncClient) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Request-ID": "r1", "traceparent": trace, "X-Request-Timeout-Ms": "900"}
    assert (await service.get("/ask", headers=headers)).json() == {"greeting": "hello"}
    (call,) = CALLS
    assert call.headers["x-request-id"] == "r1"
    assert call.headers["traceparent"] == trace
    assert 0 < int(call.headers["x-request-timeout-ms"]) < 900


@pytest.mark.parametrize("peers", ANSWERS.values(), ids=ANSWERS.keys(), indirect=True)
async def test_trouble_is_named(service: httpx.AsyncClient) -> None:
    answer = await service.get("/ask")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["type"] == "/problems/dependency-unavailable"
    assert answer.json()["dependency"] == "other"


@pytest.mark.parametrize("peers", [refuse], indirect=True)
async def test_only_the_outermost_service_tries_again(service: httpx.AsyncClient) -> None:
    await service.get("/ask")
    assert len(CALLS) == 3
    CALLS.clear()
    await service.get("/ask", headers={"X-Request-Timeout-Ms": "2000"})
    assert len(CALLS) == 1


@pytest.mark.parametrize("peers", [refuse], indirect=True)
async def test_retries_run_out(service: httpx.AsyncClient) -> None:
    await asyncio.gather(*(service.get("/ask") for _ in range(60)))
    assert len(CALLS) <= 70


@undisturbed
async def test_slow_peer_does_not_outlast_the_deadline(app: ServiceApp) -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()  # which never comes
        raise AssertionError("nobody waits this long")

    app.peer_transport = httpx.MockTransport(hang)
    async with running(app) as service:
        started = time.monotonic()
        answer = await service.get("/ask", headers={"X-Request-Timeout-Ms": "300"})
        assert time.monotonic() - started < 1
        assert answer.status_code == 503
        assert answer.json()["dependency"] == "other"


async def test_cancelled_calls_leave_the_pool_whole(
    app: ServiceApp, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """httpx's own pool can stay broken after this (https://github.com/encode/httpcore/issues/1093)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.005)  # as a peer does: calls are under way when cancelled
            body = b'{"greeting": "hello"}'
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(forgiving, "127.0.0.1", unused_tcp_port)
    monkeypatch.setenv("OTHER_URL", f"http://127.0.0.1:{unused_tcp_port}")
    app.peer_transport = None
    async with server, running(app) as service:
        for milliseconds in list(range(11, 25)) * 4:
            hurried = {"X-Request-Timeout-Ms": str(milliseconds)}
            await asyncio.gather(*(service.get("/ask", headers=hurried) for _ in range(20)))
        answers = await asyncio.gather(*(service.get("/ask") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, {"note_id": "2"}), (200, {}), (200, None), (200, [1]), (404, {"note_id": "1"})],
)
def test_success_must_name_what_it_was_about(status: int, body: object) -> None:
    Answer("other", 200, {"note_id": "1", "more": 2}).confirm(note_id=1)
    with pytest.raises(DependencyUnavailable):
        Answer("other", status, body).confirm(note_id=1)
