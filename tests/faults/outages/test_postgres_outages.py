"""PostgreSQL down, silent, full or read-only: every call of every service is answered in time, and
all heals without a restart."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from fleet.services import SERVICES
from tests.faults.links.wiring import WiredFleet, wired_fleet
from tests.fleets import data_folder
from tests.polling import until
from tests.shop import Shop
from tests.standstill import undisturbed

from .edges import WRITES, Request
from .postgres_troubles import TROUBLES, Trouble, suspended_with_locks

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEADLINE = 5.0
# What a busy machine may add.
GRACE_SECONDS = 3.0

DOCUMENTED = {"dependency-unavailable", "overloaded", "deadline-exceeded"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet() -> AsyncIterator[WiredFleet]:
    with data_folder() as folder:
        async with wired_fleet(folder) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def shop(fleet: WiredFleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.fleet.urls) as shop:
        yield shop


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
async def test_every_call_is_answered_and_all_heals(
    fleet: WiredFleet, shop: Shop, trouble: Trouble
) -> None:
    requests = [await write(shop, await shop.product()) for write in WRITES]
    before = {service.name: fleet.pid(service.name) for service in SERVICES}
    async with trouble.inflicted(fleet):
        await asyncio.gather(*(answered_in_time(shop, request, trouble) for request in requests))
        await asyncio.gather(*(tells_the_truth(shop, each.name, trouble) for each in SERVICES))
    await asyncio.gather(*(heals(shop, request) for request in requests))
    assert {service.name: fleet.pid(service.name) for service in SERVICES} == before
    audit = await asyncio.to_thread(fleet.fleet.run, "fleet.audit", "--safety-only")
    assert audit.returncode == 0, audit.stdout


@undisturbed
async def answered_in_time(shop: Shop, request: Request, trouble: Trouble) -> None:
    started = time.monotonic()
    written, read = await asyncio.gather(request.ask(shop), shop[request.service].get(request.read))
    what = f"{request.service}: {written.status_code} {written.text}, {read.text}"
    assert time.monotonic() - started < DEADLINE + GRACE_SECONDS, what
    for answer in (written, read):
        assert answer.is_success or is_documented(answer), what
    if trouble.refuses_writes:
        # What is under way goes on by itself, and what was paid is told to its order later.
        assert written.status_code in (202, 503), what
    if trouble.lets_read:
        assert read.status_code == 200, what


def is_documented(answer: httpx.Response) -> bool:
    slug = str(answer.json()["type"]).removeprefix("/problems/")
    return answer.status_code == 503 and slug in DOCUMENTED and "retry-after" in answer.headers


@undisturbed
async def tells_the_truth(shop: Shop, service: str, trouble: Trouble) -> None:
    alive, ready = await asyncio.gather(shop[service].get("/livez"), shop[service].get("/readyz"))
    assert alive.status_code == 200
    if trouble.told is not None:
        assert ready.status_code == (503 if trouble.told != "ok" else 200), ready.text
        assert ready.json()["checks"]["postgresql"] == trouble.told


async def heals(shop: Shop, request: Request) -> None:
    """Without a restart: ready, and what was refused is done at last."""
    await request.go_through(shop)
    await is_ready(shop, request.service)
    found = await shop.get(*request.look)
    assert found != found | request.finds, f"{request.service}: acknowledged, and not there"


@undisturbed
async def is_ready(shop: Shop, service: str) -> None:
    assert (await shop[service].get("/readyz")).status_code == 200


async def test_locks_of_a_suspended_service_are_freed(fleet: WiredFleet, shop: Shop) -> None:
    """It stands still between its writes and their commit; once it goes on, it tries in vain."""
    sku = await shop.product(stock=100)
    body = {"delta": -1, "reason": "broken"}
    path, key = f"/stock/{sku}/adjustments", {"Idempotency-Key": f"adjust-{sku}"}

    async def adjust() -> httpx.Response:
        return await shop["warehouse"].post(path, json=body, headers=key)

    async with suspended_with_locks(fleet, sku):
        first = asyncio.create_task(adjust())
    refused = await first
    assert is_documented(refused), refused.text
    assert (await shop.get("warehouse", f"/stock/{sku}"))["on_hand"] == 100
    again = await until(adjust, lambda answer: answer.status_code != 503)
    assert again.json()["on_hand"] == 99, again.text
