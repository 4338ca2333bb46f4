"""Shipping through its contract."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import asyncpg
import httpx
import pytest

from conftest import metric
from shippingService.tests.support import HOME, WORK, Orders, count, move, ship, shipped


async def test_shipment_is_created_and_found(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    created = await ship(service, order_id, address=HOME, carrier="Owl Post")
    assert created.status_code == 201, created.text
    shipment = created.json()
    assert created.headers["location"] == f"/shipments/{shipment['shipment_id']}"
    assert (await service.get(created.headers["location"])).json() == shipment
    assert shipment.pop("shipment_id")[14] == "7"
    assert len(shipment.pop("tracking_number")) == 15
    moment = shipment.pop("created_at")
    assert moment.endswith("Z")
    assert shipment == {
        "order_id": order_id,
        "carrier": "Owl Post",
        "status": "created",
        "address": HOME,
        "events": [
            {
                "status": "created",
                "location": None,
                "note": None,
                "at": moment,
                "recorded_at": moment,
            }
        ],
    }


async def test_parcel_goes_where_the_order_says(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place(shipping_address=HOME | {"floor": "unknown to shipping"})
    created = (await ship(service, order_id)).json()
    assert (created["address"], created["carrier"]) == (HOME, "Sandbox Post")
    assert (await ship(service, orders.place(), address=WORK)).json()["address"] == WORK
    homeless = orders.place(shipping_address=None)
    assert (await ship(service, homeless, address=WORK)).json()["address"] == WORK


async def test_parcels_go_where_there_are_no_postal_codes(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    there = HOME | {"country": "AE", "postal_code": None}
    for order_id, given in ((orders.place(), there), (orders.place(shipping_address=there), None)):
        assert (await ship(service, order_id, address=given)).json()["address"] == there


async def test_order_has_one_parcel(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    parcel = (await ship(service, order_id)).json()
    assert orders.of(order_id)["shipment_id"] == parcel["shipment_id"]
    for chosen in ({}, {"shipment_id": str(uuid4())}):
        refused = await ship(service, order_id, **chosen)
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/order-not-shippable"
        assert refused.json()["shipment_id"] == parcel["shipment_id"]
    await move(service, parcel["shipment_id"], "returned")
    assert (await ship(service, order_id)).status_code == 409
    assert await count(service, order_id) == 1


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"order_id": "7"}, "#/order_id"),
        ({"shipment_id": "7"}, "#/shipment_id"),
        ({"carrier": "x" * 61}, "#/carrier"),
        ({"address": HOME | {"country": "Germany"}}, "#/address/country"),
        ({"address": HOME | {"country": "QQ"}}, "#/address/country"),
        ({"address": HOME | {"postal_code": None}}, "#/address/postal_code"),
        ({"address": HOME | {"city": " "}}, "#/address/city"),
        ({"address": HOME | {"floor": "3"}}, "#/address/floor"),
        ({"surprise": 1}, "#/surprise"),
    ],
)
async def test_wrong_member_is_named(
    service: httpx.AsyncClient, orders: Orders, members: dict[str, object], pointer: str
) -> None:
    refused = await service.post("/shipments", json={"order_id": orders.place(), **members})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert orders.asked == 0


async def test_unknown_order_is_refused(service: httpx.AsyncClient) -> None:
    refused = await ship(service, str(uuid4()))
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/unknown-order"


@pytest.mark.parametrize("status", ["cancelled", "refunded", "fulfilled"])
async def test_order_that_is_off_is_not_shipped(
    service: httpx.AsyncClient, orders: Orders, status: str
) -> None:
    order_id = orders.place(status)
    refused = await ship(service, order_id, key="k")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/order-not-shippable"
    assert await count(service, order_id) == 0
    assert (await ship(service, order_id, key="k")).content == refused.content


@pytest.mark.parametrize("status", ["pending", "paid"])
async def test_order_that_is_on_is_shipped(
    service: httpx.AsyncClient, orders: Orders, status: str
) -> None:
    assert (await ship(service, orders.place(status))).status_code == 201


async def test_chosen_id_makes_one_shipment(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id, chosen = orders.place(), str(uuid4())
    first = await ship(service, order_id, shipment_id=chosen)
    assert first.status_code == 201
    assert first.json()["shipment_id"] == chosen
    # It stands, whatever becomes of the order, and of the order service.
    orders.becomes(order_id, "refunded")
    orders.trouble = nobody
    again = await ship(service, order_id, shipment_id=chosen)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_chosen_id_belongs_to_one_order(service: httpx.AsyncClient, orders: Orders) -> None:
    chosen = str(uuid4())
    await ship(service, orders.place(), shipment_id=chosen)
    refused = await ship(service, orders.place(), shipment_id=chosen)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/shipment-id-taken"


async def test_racing_repeats_make_one_shipment(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id, chosen = orders.place(), str(uuid4())
    by_id = await asyncio.gather(*(ship(service, order_id, shipment_id=chosen) for _ in range(6)))
    assert Counter(answer.status_code for answer in by_id) == {201: 1, 200: 5}
    assert len({answer.content for answer in by_id}) == 1
    other_id = orders.place()
    by_key = await asyncio.gather(*(ship(service, other_id, key="k") for _ in range(6)))
    assert {answer.status_code for answer in by_key} <= {201, 409}
    made = {answer.content for answer in by_key if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.json()["type"] for answer in by_key if answer.status_code == 409} <= {
        "/problems/idempotency-in-progress"
    }
    assert (await ship(service, other_id, key="k")).content == made.pop()
    assert (await count(service, order_id), await count(service, other_id)) == (1, 1)


async def test_key_gives_the_same_bytes_again(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    first = await ship(service, order_id, key="k")
    again = await ship(service, order_id, key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(service, order_id) == 1
    orders.becomes(order_id, "cancelled")
    assert (await ship(service, order_id, key="k")).content == first.content
    orders.trouble = nobody
    assert (await ship(service, order_id, key="k")).content == first.content
    orders.trouble = None
    assert (await ship(service, order_id, key="k", carrier="Owl Post")).status_code == 422


def nobody(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody answers")


@pytest.mark.parametrize(
    "trouble",
    [
        nobody,
        lambda _: httpx.Response(500, json={}),
        lambda _: httpx.Response(403, json={}),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json=[]),
        lambda _: httpx.Response(200, json={"held": False}),
        lambda _: httpx.Response(200, json={"status": "paid", "shipping_address": {"line1": 1}}),
    ],
    ids=["down", "500", "403", "no-json", "no-object", "no-status", "no-address"],
)
async def test_shipment_waits_for_the_order_service(
    service: httpx.AsyncClient,
    orders: Orders,
    trouble: Callable[[httpx.Request], httpx.Response],
) -> None:
    order_id = orders.place()
    orders.trouble = trouble
    refused = await ship(service, order_id, key="k", shipment_id=str(uuid4()))
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/dependency-unavailable"
    assert refused.json()["dependency"] == "order"
    assert int(refused.headers["retry-after"]) > 0
    assert await count(service, order_id) == 0


async def test_unavailability_is_not_kept_with_the_key(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    orders.trouble = nobody
    assert (await ship(service, order_id, key="k")).status_code == 503
    orders.trouble = None
    assert (await ship(service, order_id, key="k")).status_code == 201


async def test_list_is_newest_first_and_pages(service: httpx.AsyncClient, orders: Orders) -> None:
    # Chosen ids, that sort the other way round.
    chosen = [f"{number:08x}-0000-4000-8000-000000000000" for number in (5, 4, 3, 2, 1)]
    places = {shipment_id: orders.place() for shipment_id in chosen}
    for shipment_id, order_id in places.items():
        assert (await ship(service, order_id, shipment_id=shipment_id)).status_code == 201
    other = await shipped(service, orders, "dispatched")
    assert await pages(service, "") == [other, *chosen[::-1]]
    assert await pages(service, f"order_id={places[chosen[2]]}") == [chosen[2]]
    assert await pages(service, "status=created") == chosen[::-1]
    assert await pages(service, "status=dispatched") == [other]
    assert await pages(service, f"status=dispatched&order_id={places[chosen[2]]}") == []


async def pages(service: httpx.AsyncClient, query: str) -> list[str]:
    """The ids of a list that is read in pages of two."""
    seen, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = (await service.get(f"/shipments?limit=2&{query}{after}")).json()
        assert len(page["items"]) <= 2
        seen += [shipment["shipment_id"] for shipment in page["items"]]
        cursor = page["next_cursor"]
    return seen


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=WzUsNV0",
        "limit=0",
        "order_id=7",
        "status=lost",
        "status=exception",
    ],
)
async def test_wrong_query_is_refused(service: httpx.AsyncClient, query: str) -> None:
    assert (await service.get(f"/shipments?{query}")).status_code == 422


async def test_what_is_not_there_is_not_found(service: httpx.AsyncClient) -> None:
    for name in (uuid4(), "nonsense"):
        answer = await service.get(f"/shipments/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with the rights of the service."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE shipping_app")
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE shipping.shipment_events SET note = 'x'",
        "DELETE FROM shipping.shipment_events",
        "DELETE FROM shipping.shipments",
        "UPDATE shipping.shipments SET tracking_number = 'SP00000000'",
    ],
)
async def test_journeys_are_append_only(db: asyncpg.Connection, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(change)


async def test_shipments_are_counted_once(service: httpx.AsyncClient, orders: Orders) -> None:
    async def counted() -> list[float]:
        return [
            await metric(service, "shipments_total", status=status)
            for status in ("created", "dispatched", "returned")
        ]

    before = await counted()
    order_id = orders.place()
    first = await ship(service, order_id, "key")
    await ship(service, order_id, "key")
    shipment_id = first.json()["shipment_id"]
    for status in ("dispatched", "created", "dispatched", "returned", "in_transit", "returned"):
        await move(service, shipment_id, status, "left" if status == "dispatched" else "")
    after = await counted()
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
