"""What is shipped by hand, what may not be shipped, and where it goes."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest

from orderService.tests.placed import JOB, OTHER_PARCEL, PARCEL, SHIPMENT, Placed, bring, place
from orderService.tests.shop import ADDRESS, HOME, Shop, order, problem


@pytest.fixture
async def placed(service: httpx.AsyncClient, shop: Shop) -> Placed:
    return await place(service, shop)


@pytest.fixture
async def homeless(service: httpx.AsyncClient, shop: Shop, database_url: str) -> Placed:
    """A paid order that goes nowhere."""
    placed = await place(service, shop)
    await placed.pay()
    db = await asyncpg.connect(database_url)
    await db.execute("UPDATE orders.orders SET shipping_address = NULL")
    await db.close()
    return placed


async def shippable(placed: Placed) -> dict[str, object]:
    found = await placed.service.get(f"{placed.path}/shippable")
    return {**found.json(), "status_code": found.status_code}


async def test_peers_are_told_what_they_need(placed: Placed) -> None:
    found = await placed.read()
    ids = {"order_id": found["order_id"], "status": "pending", "shipment_id": None}
    lines = [{"sku": "LAMP", "quantity": 1}]
    needed = await placed.service.get(f"{placed.path}/fulfillable")
    assert needed.json() == {**ids, "has_address": True, "lines": lines}
    told = {"customer_id": found["customer_id"], "shipping_address": HOME, "status_code": 200}
    assert await shippable(placed) == ids | told | {"held": False, "promised_shipment_id": None}
    await bring(placed, "held")
    assert await shippable(placed) == {
        **ids,
        **told,
        "status": "paid",
        "held": True,
        "promised_shipment_id": SHIPMENT,
    }
    await placed.let_go()
    assert (await shippable(placed))["promised_shipment_id"] is None


async def test_claim_that_was_refused_stays_refused(placed: Placed) -> None:
    """Its parcel was thrown away: a late request must not ship the order by it."""
    await bring(placed, "held")
    assert problem(await placed.claim()) == (409, "order-being-fulfilled")
    await placed.let_go()
    assert problem(await placed.claim()) == (409, "order-being-fulfilled")
    assert (await placed.read())["status"] == "paid"
    assert (await placed.claim(OTHER_PARCEL)).json()["shipment_id"] == OTHER_PARCEL
    assert problem(await placed.claim()) == (409, "order-not-fulfillable")


async def test_order_without_an_address_is_not_shipped(homeless: Placed) -> None:
    assert problem(await homeless.hold()) == (409, "address-missing")
    assert problem(await homeless.claim()) == (409, "address-missing")
    assert (await homeless.claim(OTHER_PARCEL, has_address=True)).status_code == 200


async def test_order_goes_once_it_has_an_address(homeless: Placed) -> None:
    assert problem(await homeless.hold()) == (409, "address-missing")
    changed = await homeless.readdress("Bonn")
    assert (changed.status_code, changed.json()["shipping_address"]["city"]) == (200, "Bonn")
    assert (await homeless.hold()).status_code == 200


async def test_address_is_replaced_as_a_whole(service: httpx.AsyncClient, shop: Shop) -> None:
    placed_at = {**ADDRESS, "line2": "c/o Wick", "region": "BE"}
    made = await order(service, shop, shop.cart(LAMP=1), shipping_address=placed_at)
    before = made.json()
    path, changes = f"/orders/{before['order_id']}", {"shipping_address": ADDRESS}
    changed = await service.patch(path, json=changes)
    assert changed.status_code == 200, changed.text
    assert changed.json()["shipping_address"] == HOME
    assert changed.json()["updated_at"] > before["updated_at"]
    kept = {"shipping_address": None, "updated_at": None}
    assert {**changed.json(), **kept} == {**before, **kept}
    assert (await service.get(path)).json() == changed.json()


@pytest.mark.parametrize(
    "changes",
    [
        {"shipping_address": None},
        {"shipping_address": {"city": "Bonn"}},
        {"shipping_address": {**ADDRESS, "country": "Germany"}},
        {"shipping_address": "Bonn"},
        {"status": "paid"},
        {"shipping_address": ADDRESS, "total": "0.01"},
    ],
)
async def test_wrong_change_is_refused(placed: Placed, changes: dict[str, object]) -> None:
    before = await placed.read()
    refused = await placed.service.patch(placed.path, json=changes)
    assert problem(refused) == (422, "invalid-request")
    assert await placed.read() == before


async def test_nothing_to_change_changes_nothing(placed: Placed) -> None:
    before = await placed.read()
    unchanged = await placed.service.patch(placed.path, json={})
    assert (unchanged.status_code, unchanged.json()) == (200, before)


async def erase(database_url: str, customer_id: str) -> None:
    """Long ago: nothing is erased again."""
    db = await asyncpg.connect(database_url)
    await db.execute(
        "INSERT INTO orders.subject_requests (number, kind, subject, things)"
        " VALUES (1, 'erasure', $1, '{}')",
        customer_id,
    )
    await db.close()


async def test_erased_customer_gets_no_new_address(placed: Placed, database_url: str) -> None:
    await erase(database_url, (await placed.read())["customer_id"])
    assert problem(await placed.readdress()) == (409, "order-not-changeable")


async def test_reason_of_an_erased_customer_is_not_kept(placed: Placed, database_url: str) -> None:
    await erase(database_url, (await placed.read())["customer_id"])
    key = {"Idempotency-Key": "k"}
    for _ in range(2):
        answer = await placed.service.post(
            f"{placed.path}/cancel", json={"reason": "I moved to Galway"}, headers=key
        )
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert answer.json()["history"][-1]["reason"] is None


@pytest.mark.parametrize("rival", ["cancel", "hold", "claim"])
async def test_one_claim_wins(service: httpx.AsyncClient, shop: Shop, rival: str) -> None:
    """A parcel made by hand against a cancellation, a job, and another parcel."""
    for turn in range(20):
        placed = await place(service, shop)
        await placed.pay(str(uuid4()))
        other = placed.claim(OTHER_PARCEL) if rival == "claim" else getattr(placed, rival)()
        racers = [placed.claim(), other]
        answers = await asyncio.gather(*(racers if turn % 2 else racers[::-1]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        won = (answers if turn % 2 else answers[::-1])[0].status_code == 200
        found = await placed.read()
        assert (found["shipment_id"] == PARCEL) == won
        if rival == "hold":
            assert found["fulfilment_job_id"] == (None if won else JOB)
        if rival == "cancel":
            assert found["status"] == ("fulfilled" if won else "cancelled")


@pytest.mark.parametrize("who", ["hold", "claim"])
async def test_parcel_goes_where_the_last_200_said(
    service: httpx.AsyncClient, shop: Shop, who: str
) -> None:
    for turn in range(20):
        placed = await place(service, shop)
        await placed.pay(str(uuid4()))
        racers = [placed.readdress("Bonn"), getattr(placed, who)()]
        answers = await asyncio.gather(*(racers if turn % 2 else racers[::-1]))
        changed, begun = answers if turn % 2 else answers[::-1]
        assert begun.status_code == 200
        city = (await shippable(placed))["shipping_address"]["city"]  # type: ignore[index]  # JSON
        assert city == ("Bonn" if changed.status_code == 200 else ADDRESS["city"])
        if who == "claim":
            assert begun.json()["shipping_address"]["city"] == city
