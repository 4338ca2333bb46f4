"""A parcel made by hand: its order is told, surely, if not at once; or there is no parcel."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from shippingService.app import subjects
from shippingService.tests.support import HOME, WORK, Orders, count, move, ship
from tests.polling import until


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def open_claims(db: asyncpg.Connection) -> int:
    return int(await db.fetchval("SELECT count(*) FROM shipping.claims"))


async def is_due(db: asyncpg.Connection) -> None:
    """As if whoever began it had not been heard of for long."""
    await db.execute("UPDATE shipping.claims SET next_attempt_at = now()")


async def settled(db: asyncpg.Connection) -> None:
    """The sweep has come by."""
    await until(lambda: open_claims(db), lambda left: left == 0, seconds=20)


async def test_order_is_told(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    order_id = orders.place()
    made = (await ship(service, order_id)).json()
    assert orders.of(order_id)["status"] == "fulfilled"
    assert orders.of(order_id)["shipment_id"] == made["shipment_id"]
    assert orders.claims == [made["shipment_id"]]
    assert await open_claims(db) == 0


@pytest.mark.parametrize("chosen", [True, False], ids=["its-own-id", "minted-id"])
@pytest.mark.parametrize("key", ["k", ""], ids=["key", "no-key"])
async def test_lost_answer_is_asked_for_again(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection, key: str, chosen: bool
) -> None:
    """The order is fulfilled by a parcel that is not there yet: the sweep makes it."""
    order_id = orders.place()
    members = {"shipment_id": str(uuid4())} if chosen else {}
    orders.lost_answers = True
    refused = await ship(service, order_id, key=key, **members)
    assert (refused.status_code, refused.json()["dependency"]) == (503, "order")
    assert await count(service, order_id) == 0
    assert orders.of(order_id)["status"] == "fulfilled"
    orders.lost_answers = False
    await is_due(db)
    await settled(db)
    (parcel,) = (await service.get(f"/shipments?order_id={order_id}")).json()["items"]
    assert parcel["shipment_id"] == orders.of(order_id)["shipment_id"]
    assert parcel["address"] == HOME
    again = await ship(service, order_id, key=key, **members)
    if key or chosen:
        assert (again.status_code, again.json()) == (200 if chosen else 201, parcel)
    else:
        assert again.json()["type"] == "/problems/order-not-shippable"
    assert await count(service, order_id) == 1


async def test_repeated_request_goes_on(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    order_id = orders.place(shipping_address=None)
    orders.lost_answers = True
    assert (await ship(service, order_id, key="k", address=WORK)).status_code == 503
    orders.lost_answers = False
    done = await ship(service, order_id, key="k", address=WORK)
    assert done.status_code == 201
    assert done.json()["address"] == WORK
    assert set(orders.claims) == {done.json()["shipment_id"]}
    assert await open_claims(db) == 0


@pytest.mark.parametrize("how", ["cancelled", "refunded", "gone", "held", "moved"])
async def test_order_that_changes_meanwhile_leaves_nothing(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection, how: str
) -> None:
    order_id = orders.place()

    def happen() -> None:
        if how == "gone":
            orders.placed.clear()
        elif how == "held":
            orders.held(order_id, str(uuid4()))
        elif how == "moved":
            orders.of(order_id)["shipping_address"] = None
        else:
            orders.becomes(order_id, how)

    orders.meanwhile = happen
    refused = await ship(service, order_id, key="k")
    slug = {"gone": "unknown-order", "moved": "address-missing"}.get(how, "order-not-shippable")
    assert refused.json()["type"] == f"/problems/{slug}"
    assert ("retry-after" in refused.headers) == (how == "held")
    assert await open_claims(db) == 0
    assert await count(service, order_id) == 0
    if how in ("held", "moved"):
        # Refused for the time being, and its id for good: the same key gets another one.
        orders.of(order_id).update(held=False, promised_shipment_id=None, shipping_address=HOME)
        assert (await ship(service, order_id, key="k")).status_code == 201
        assert len(set(orders.claims)) == 2
    else:
        assert (await ship(service, order_id, key="k")).content == refused.content


async def test_address_is_the_one_that_the_order_had_when_claimed(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    orders.meanwhile = lambda: orders.of(order_id).update(shipping_address=WORK)
    assert (await ship(service, order_id)).json()["address"] == WORK


async def test_order_without_an_address_is_not_shipped(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place(shipping_address=None)
    refused = await ship(service, order_id, key="k")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/address-missing")
    assert orders.claims == []
    orders.of(order_id)["shipping_address"] = HOME
    assert (await ship(service, order_id, key="k")).status_code == 201


@pytest.mark.parametrize("chosen", [True, False])
async def test_unknown_status_is_refused(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection, chosen: bool
) -> None:
    order_id = orders.place("on_hold")
    members = {"shipment_id": str(uuid4())} if chosen else {}
    refused = await ship(service, order_id, key="k", **members)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/unknown-order-status")
    assert refused.json()["order_status"] == "on_hold"
    assert (orders.claims, await open_claims(db), await count(service, order_id)) == ([], 0, 0)
    orders.becomes(order_id, "paid")
    assert (await ship(service, order_id, key="k", **members)).status_code == 201


async def test_job_ships_the_parcel_that_it_promised(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id, promised = orders.place(), str(uuid4())
    orders.held(order_id, promised)
    refused = await ship(service, order_id)
    assert refused.json()["type"] == "/problems/order-not-shippable"
    other = await ship(service, order_id, shipment_id=str(uuid4()))
    assert other.json()["type"] == "/problems/order-not-shippable"
    asked = orders.asked
    made = await ship(service, order_id, shipment_id=promised)
    assert (made.status_code, made.json()["shipment_id"]) == (201, promised)
    # The job tells the order itself: one call, and no claim.
    assert (orders.asked - asked, orders.claims) == (1, [])
    assert (await ship(service, order_id, shipment_id=promised)).status_code == 200


async def test_one_of_many_at_once_ships_it(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    for _ in range(5):
        order_id = orders.place()
        racers = [ship(service, order_id) for _ in range(4)]
        racers += [ship(service, order_id, shipment_id=str(uuid4())) for _ in range(4)]
        answers = await asyncio.gather(*racers)
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert await count(service, order_id) == 1
    assert await open_claims(db) == 0


async def test_claim_of_another_order_is_not_taken_over(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    chosen = str(uuid4())
    orders.lost_answers = True
    await ship(service, orders.place(), shipment_id=chosen)
    orders.lost_answers = False
    refused = await ship(service, orders.place(), shipment_id=chosen)
    assert refused.json()["type"] == "/problems/shipment-id-taken"


async def test_claim_that_fails_for_long_is_parked(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    order_id = orders.place()
    orders.lost_answers = True
    await ship(service, order_id)
    await db.execute("UPDATE shipping.claims SET attempts = 12")
    (parked,) = (await service.get("/parked")).json()["items"]
    assert parked["sweep"] == "claims"
    orders.lost_answers = False
    retried = await service.post(f"/parked/{parked['item_id']}/retry")
    assert retried.status_code == 200
    await settled(db)
    assert await count(service, order_id) == 1


async def test_erased_claim_keeps_no_address(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    order_id = orders.place()
    orders.lost_answers = True
    await ship(service, order_id, address=WORK)
    ids = await db.fetch(subjects.AFTER, [order_id], UUID(int=0))
    await db.execute(subjects.ERASE, [row["shipment_id"] for row in ids])
    assert await db.fetchval("SELECT address FROM shipping.claims") is None


async def test_what_carriers_tell_late_of_an_erased_customer_is_not_kept(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    made = (await ship(service, orders.place())).json()
    event = {"location": "Galway", "note": "Left with Mr Byrne", "at": "2026-01-31T09:30:00Z"}
    assert (await move(service, made["shipment_id"], "dispatched", **event)).status_code == 200
    await db.execute(
        "INSERT INTO shipping.subject_requests (number, kind, subject, things)"
        " SELECT 1, 'erasure', customer_id, '{}' FROM shipping.shipments"
    )
    await db.execute(subjects.ERASE, [made["shipment_id"]])
    again = await move(service, made["shipment_id"], "dispatched", **event)
    later = await move(service, made["shipment_id"], "in_transit", location="Cork")
    assert len(again.json()["events"]) == 2, "it is the event that was there"
    assert [each["location"] for each in later.json()["events"]] == [None] * 3
    assert [each["note"] for each in later.json()["events"]] == [None] * 3


async def test_answer_of_a_claimed_key_is_erased(
    service: httpx.AsyncClient, orders: Orders, db: asyncpg.Connection
) -> None:
    order_id = orders.place()
    made = (await ship(service, order_id, key="k")).json()
    assert made["address"] == HOME
    await db.execute(subjects.ERASE, [made["shipment_id"]])
    again = await ship(service, order_id, key="k")
    assert (again.status_code, again.json()["address"]) == (201, None)
