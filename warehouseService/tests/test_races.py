"""Many at once: nothing is sold twice, nothing deadlocks, everything adds up."""

import asyncio
import random
from uuid import uuid4

import httpx
import pytest

from tests.polling import insist
from warehouseService.app import reservations
from warehouseService.app.main import app
from warehouseService.tests.support import (
    audit,
    move,
    overdue,
    put,
    reserve,
    status_of,
    stock_of,
    until_stock_is,
)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"MAX_IN_FLIGHT": "1000"}


async def reserved(
    service: httpx.AsyncClient, items: dict[str, int], reservation_id: str = ""
) -> httpx.Response:
    """As a client does that was told to come back: again, with the same id."""
    reservation_id = reservation_id or str(uuid4())
    return await insist(lambda: reserve(service, items, reservation_id))


async def test_last_units_go_to_as_many_as_there_are(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "CANDLE", 10)
    answers = await asyncio.gather(*(reserved(service, {"CANDLE": 1}) for _ in range(200)))
    # 200: the first answer was lost to overload, not its effect.
    won = [answer for answer in answers if answer.status_code in (200, 201)]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(refused)) == (10, 190)
    assert {answer.json()["type"] for answer in refused} == {"/problems/insufficient-stock"}
    assert await stock_of(service, "CANDLE") == (10, 10, 0)
    await audit(database_url)


async def test_same_reservation_many_times_at_once_holds_once(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "CANDLE", 10)
    reservation_id = str(uuid4())
    answers = await asyncio.gather(
        *(reserved(service, {"CANDLE": 3}, reservation_id) for _ in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 29 + [201]
    assert await stock_of(service, "CANDLE") == (10, 3, 7)
    await audit(database_url)


async def test_shuffled_items_do_not_deadlock(
    service: httpx.AsyncClient, database_url: str
) -> None:
    skus = [f"S{number:02}" for number in range(12)]
    await service.post(
        "/stock/bulk", json={"stock": [{"sku": sku, "quantity": 1000} for sku in skus]}
    )

    async def buy_and_take() -> None:
        wanted = dict.fromkeys(random.sample(skus, len(skus)), 1)
        made = await reserved(service, wanted)
        assert made.is_success, made.text  # 200, where the first answer was lost to overload
        taken = await insist(lambda: move(service, made.json()["reservation_id"], "commit"))
        assert taken.status_code == 200, taken.text

    for _ in range(10):
        await asyncio.gather(*(buy_and_take() for _ in range(8)))
    assert [await stock_of(service, sku) for sku in skus] == [(920, 0, 920)] * 12
    await audit(database_url)


@pytest.mark.parametrize("seed", range(3))
async def test_any_mix_adds_up(service: httpx.AsyncClient, database_url: str, seed: int) -> None:
    chance = random.Random(seed)
    skus = [f"S{number}" for number in range(4)]
    for sku in skus:
        await put(service, sku, 30)
    known: list[str] = []

    async def something() -> int:
        what = chance.choice(["reserve", "reserve", "commit", "release", "return", "overdue"])
        sku = chance.choice(skus)
        if chance.random() < 0.2:
            body = {"delta": chance.choice([-3, 5]), "reason": "counted again"}
            return (await service.post(f"/stock/{sku}/adjustments", json=body)).status_code
        if what == "reserve" or not known:
            known.append(str(uuid4()))
            wanted = {sku: chance.randint(1, 5) for sku in chance.sample(skus, 3)}
            return (await reserve(service, wanted, known[-1])).status_code
        if what == "overdue":
            await overdue(database_url, chance.choice(known))
            return 200
        return (await move(service, chance.choice(known), what)).status_code

    async def customer() -> set[int]:
        return {await something() for _ in range(25)}

    answered = set().union(*await asyncio.gather(*(customer() for _ in range(8)), inspect()))
    assert answered <= {200, 201, 404, 409, 503}
    await audit(database_url)


async def inspect() -> set[int]:
    """Expires without waiting for the sweep, so that it meets the others more often."""
    for _ in range(40):
        await reservations.expire_due(app.state.context)
        await asyncio.sleep(0)  # one turn of the loop: the others go on
    return set()


@pytest.mark.parametrize("_", range(10))
async def test_commit_and_expiry_have_one_winner(
    service: httpx.AsyncClient, database_url: str, _: int
) -> None:
    await put(service, "CANDLE", 10)
    reservation_id = (await reserve(service, {"CANDLE": 4})).json()["reservation_id"]
    committed, _released, _expired, _due = await asyncio.gather(
        move(service, reservation_id, "commit"),
        move(service, reservation_id, "release"),
        overdue(database_url, reservation_id),
        reservations.expire_due(app.state.context),
    )
    if committed.status_code == 200:
        assert await status_of(service, reservation_id) == "committed"
        assert await stock_of(service, "CANDLE") == (6, 0, 6)
    else:
        assert committed.status_code == 409
        await until_stock_is(service, "CANDLE", (10, 0, 10))
    await audit(database_url)
