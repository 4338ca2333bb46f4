"""Two fulfilmentServices over one database: a job is done once, whoever dies or sleeps over it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.faults.races.crowd import Crowd, take_turns
from tests.faults.races.replica import Replica, second_fulfilment
from tests.faults.races.sizes import Sizes
from tests.fleets import Fleet
from tests.polling import until
from tests.shop import Shop, unique

STOCK = 1_000_000

JOBS = """
SELECT job.*, (SELECT json_agg(step ORDER BY at) FROM fulfilment.job_steps step
                WHERE step.job_id = job.job_id) AS steps
  FROM fulfilment.jobs job WHERE order_id = ANY ($1) ORDER BY job_id
"""

PARCELS = "SELECT order_id FROM shipping.shipments WHERE order_id = ANY ($1)"


@pytest.fixture(scope="module")
def replica(fleet: Fleet) -> Iterator[Replica]:
    """It dies of the last test here."""
    with second_fulfilment(fleet) as replica:
        yield replica


@pytest.fixture
async def twins(fleet: Fleet, replica: Replica, shop: Crowd) -> AsyncIterator[tuple[Crowd, Crowd]]:
    """Two crowds, each at its own fulfilmentService."""
    async with Crowd({**fleet.urls, "fulfilment": replica.url}) as other:
        yield shop, other


async def paid_orders(shop: Crowd, sku: str, many: int) -> list[str]:
    return [(await shop.paid_order({sku: 1}))["order_id"] for _ in range(many)]


async def test_both_are_asked_at_once(
    twins: tuple[Crowd, Crowd], sizes: Sizes, books: asyncpg.Pool
) -> None:
    shop, other = twins
    sku = await shop.product(stock=STOCK)
    shipped: list[str] = []

    async def turn() -> None:
        (order_id,) = await paid_orders(shop, sku, 1)
        answers = await shop.race(*(each.fulfil(order_id) for each in (shop, other) * 2))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["job_id"] for answer in answers}) == 1
        shipped.append(order_id)

    await take_turns("Twins", sizes.turns, turn)
    await check_done_once(shop, books, sku, shipped)


async def check_done_once(
    shop: Shop, books: asyncpg.Pool, sku: str, order_ids: list[str]
) -> list[asyncpg.Record]:
    """One completed job an order, one parcel, its goods. Returns the jobs."""
    orders = [UUID(order_id) for order_id in order_ids]
    jobs = await books.fetch(JOBS, orders)
    assert sorted(job["order_id"] for job in jobs) == sorted(orders)
    assert {job["status"] for job in jobs} == {"completed"}
    parcels = [row["order_id"] for row in await books.fetch(PARCELS, orders)]
    assert sorted(parcels) == sorted(orders)
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == STOCK - len(orders)
    return jobs


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=lambda fault: fault.name)
async def test_the_other_one_takes_over(
    fleet: Fleet,
    replica: Replica,
    twins: tuple[Crowd, Crowd],
    books: asyncpg.Pool,
    fault: signal.Signals,
) -> None:
    shop, other = twins
    sku = await shop.product(stock=STOCK)
    to_ship, to_reserve = await paid_orders(shop, sku, 2), await paid_orders(shop, sku, 2)
    keys = {order_id: unique("fulfil") for order_id in (*to_ship, *to_reserve)}
    with stopped(fleet, "shipping"):
        asked = [asyncio.create_task(ask(other, each, keys[each])) for each in to_ship]
        await until_next_step(books, to_ship, "ship")
        with stopped(fleet, "warehouse"):
            asked += [asyncio.create_task(ask(other, each, keys[each])) for each in to_reserve]
            await until_next_step(books, to_reserve, "reserve")
            os.kill(replica.pid, fault)
    for order_id in keys:
        await shop.until("order", f"/orders/{order_id}", status="fulfilled")
    await until_next_step(books, list(keys), None)
    jobs = await check_done_once(shop, books, sku, list(keys))
    assert all(job["attempts"] >= 2 for job in jobs)

    survivor = shop
    if fault == signal.SIGSTOP:
        os.kill(replica.pid, signal.SIGCONT)
        survivor = other
    await asyncio.gather(*asked)
    answers = [
        await survivor.insist("fulfilment", "POST", "/fulfilments", {"order_id": order_id}, key=key)
        for order_id, key in keys.items()
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert await check_done_once(shop, books, sku, list(keys)) == jobs


async def ask(shop: Crowd, order_id: str, key: str) -> httpx.Response | None:
    """What the one who is killed, or wakes up, answers; if it does."""
    try:
        return await shop["fulfilment"].post(
            "/fulfilments",
            json={"order_id": order_id},
            headers={"Idempotency-Key": key},
            timeout=60,
        )
    except httpx.TransportError:
        return None


async def until_next_step(books: asyncpg.Pool, order_ids: list[str], step: str | None) -> None:
    orders = [UUID(order_id) for order_id in order_ids]

    async def steps() -> list[str | None]:
        return [job["next_step"] for job in await books.fetch(JOBS, orders)]

    await until(steps, lambda found: found == [step] * len(orders), seconds=15)


@contextmanager
def stopped(fleet: Fleet, service: str) -> Iterator[None]:
    pid = fleet.pid(service)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
