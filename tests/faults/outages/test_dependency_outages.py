"""A peer that is away, slow, silent or talks nonsense: its callers say so in time, leave nothing
half done, stay ready, and go on as soon as it is back."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.links.wiring import WiredFleet, wired_fleet
from tests.fleets import data_folder
from tests.shop import Shop
from tests.standstill import undisturbed

from .edges import TURNS, Edge, Request
from .troubles import NEGATIVE, NONSENSE, TROUBLES

pytestmark = pytest.mark.asyncio(loop_scope="module")

FULL_DEADLINE = 5.0
# What a busy machine may add.
GRACE_SECONDS = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet() -> AsyncIterator[WiredFleet]:
    with data_folder() as folder:
        async with wired_fleet(folder) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def shop(fleet: WiredFleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.fleet.urls) as shop:
        yield shop


@pytest.mark.parametrize("edges", TURNS, ids=lambda turn: " ".join(map(str, turn)))
async def test_every_trouble_with_a_peer(
    fleet: WiredFleet, shop: Shop, edges: tuple[Edge, ...]
) -> None:
    sku = await shop.product()
    before = {edge.caller: fleet.pid(edge.caller) for edge in edges}
    await asyncio.gather(*(trouble_and_heal(fleet, shop, sku, edge) for edge in edges))
    assert {edge.caller: fleet.pid(edge.caller) for edge in edges} == before
    audit = await asyncio.to_thread(fleet.fleet.run, "fleet.audit", "--safety-only")
    assert audit.returncode == 0, audit.stdout


async def trouble_and_heal(fleet: WiredFleet, shop: Shop, sku: str, edge: Edge) -> None:
    """One trouble after the other is in the way of one request; in the end it goes through."""
    request = await edge.prepare(shop, sku)
    for name, trouble in (TROUBLES | (NEGATIVE if edge.numbers else {})).items():
        async with trouble(fleet.links[edge.caller, edge.callee]):
            if name in NONSENSE:
                await try_at_once(shop, request)
            await refused_in_time(shop, edge, request, name)
        await nothing_half_done(shop, edge, request, name)
    await request.go_through(shop)


async def try_at_once(shop: Shop, request: Request) -> None:
    """A job has backed off from the trouble before, and its request would wait for that: have it
    meet this one now."""
    if request.service == "fulfilment":
        order = f"/fulfilments?order_id={request.body['order_id']}"
        for job in (await shop.get("fulfilment", order))["items"][:1]:
            await shop["fulfilment"].post(f"/fulfilments/{job['job_id']}/retry")


@undisturbed
async def refused_in_time(shop: Shop, edge: Edge, request: Request, trouble: str) -> None:
    """And meanwhile the caller's own affairs go on."""
    hasty = {"X-Request-Timeout-Ms": "1000"} if trouble == "slow" else {}
    started = time.monotonic()
    answer, *others = await asyncio.gather(
        request.ask(shop, **hasty),
        *(shop[edge.caller].get(path) for path in ("/livez", "/readyz", request.read)),
    )
    what = f"{edge}, {trouble}: {answer.status_code} {answer.text}"
    assert time.monotonic() - started < (1 if hasty else FULL_DEADLINE) + GRACE_SECONDS, what
    assert answer.status_code == edge.refusal, what
    assert [other.status_code for other in others] == [200, 200, 200], what
    if answer.status_code == 503:
        assert answer.headers["retry-after"], what
        problem = answer.json()
        # All the time that there is may be over before the last attempt has been.
        in_the_end = trouble == "half-open" and problem["type"] == "/problems/deadline-exceeded"
        assert in_the_end or problem["type"] == "/problems/dependency-unavailable", what
        assert in_the_end or problem["dependency"] == edge.callee, what


async def nothing_half_done(shop: Shop, edge: Edge, request: Request, trouble: str) -> None:
    if edge.refusal == 503:
        found = await shop.get(*request.look)
        assert found == found | request.finds, f"{edge}, {trouble}: {found}"
