"""A peer that fails entirely is called hardly more often than clients ask, whatever the chain, and
what does not need it goes on."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from chassis.app import ServiceApp, create_app
from chassis.tests.sample_service import router
from conftest import PeerHandler, running

AT_ONCE = 20


class Dependency:
    """A peer that counts its calls, and fails for as long as it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.failing = True

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.failing:
            return httpx.Response(500, json={})
        return httpx.Response(200, json={"greeting": "hello"})


@pytest.fixture
def peers() -> PeerHandler:
    return Dependency()


@pytest.fixture
def environment() -> dict[str, str]:
    return {"LOG_LEVEL": "error", "PEER_TIMEOUT": "4"}


async def ask(service: httpx.AsyncClient, times: int) -> Counter[str]:
    """What became of that many requests, some of them at once: `ok`, or the problem's type."""
    found: Counter[str] = Counter()
    for _ in range(0, times, AT_ONCE):
        answers = await asyncio.gather(*(service.get("/ask") for _ in range(AT_ONCE)))
        found.update(answer.json().get("type", "ok") for answer in answers)
    return found


async def test_total_failure_is_hardly_amplified(
    service: httpx.AsyncClient, peers: Dependency
) -> None:
    failed = (await ask(service, 1000))["/problems/dependency-unavailable"]
    assert failed > 900
    assert failed <= peers.calls <= 1.1 * failed


async def test_a_peer_that_is_back_is_believed_at_once(
    service: httpx.AsyncClient, peers: Dependency
) -> None:
    await ask(service, AT_ONCE)
    peers.failing = False
    assert await ask(service, AT_ONCE) == {"ok": AT_ONCE}
    peers.failing, before = True, peers.calls
    await ask(service, AT_ONCE)
    assert peers.calls - before > AT_ONCE, "what succeeds earns retries"


async def test_hops_do_not_multiply(app: ServiceApp, folder: Path, peers: Dependency) -> None:
    """A client, two services, and what fails behind them: 3 tries at each would be 9 calls."""
    inner = create_app("sample", router, schema="sample", home=folder, peers=("other",))
    inner.peer_transport = httpx.MockTransport(peers)
    async with running(inner) as second:

        async def hop(call: httpx.Request) -> httpx.Response:
            return await second.get("/ask", headers=call.headers)

        app.peer_transport = httpx.MockTransport(hop)
        async with running(app) as first:
            failed = (await ask(first, 200))["/problems/dependency-unavailable"]
    assert failed > 180
    assert failed <= peers.calls <= 1.1 * failed


async def test_a_peer_that_hangs_holds_up_only_what_needs_it(app: ServiceApp) -> None:
    back = asyncio.Event()

    async def hang(call: httpx.Request) -> httpx.Response:
        await back.wait()
        return greet(call)

    greet = Dependency()
    greet.failing = False
    app.peer_transport = httpx.MockTransport(hang)
    async with running(app) as service:
        hurried = {"X-Request-Timeout-Ms": "250"}
        assert (await service.get("/ask", headers=hurried)).status_code == 503
        asking = asyncio.create_task(ask(service, AT_ONCE))
        await asyncio.sleep(0)  # one turn of the loop, in which they begin: nothing is waited for
        for _ in range(AT_ONCE):
            assert (await service.get("/notes/count")).status_code == 200
        assert not asking.done()
        back.set()
        assert await asking == {"ok": AT_ONCE}
