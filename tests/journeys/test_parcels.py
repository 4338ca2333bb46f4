"""Parcels by hand and by job, where they go, and what carriers tell of them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.shop import HOME, Shop, unique


async def ship(shop: Shop, order_id: str, **members: object) -> httpx.Response:
    return await shop["shipping"].post("/shipments", json={"order_id": order_id, **members})


async def fulfil(shop: Shop, order_id: str) -> httpx.Response:
    return await shop["fulfilment"].post("/fulfilments", json={"order_id": order_id})


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("type", "").removeprefix("/problems/")


async def homeless(shop: Shop, items: dict[str, int]) -> Any:
    """A paid order that goes nowhere."""
    person = {"email": f"{unique('homeless')}@example.org", "name": "Someone"}
    customer = await shop.post("customer", "/customers", person)
    body = {"customer_id": customer["customer_id"], "cart_id": await shop.cart(items)}
    order = await shop.post("order", "/orders", body)
    assert order["shipping_address"] is None
    assert (await shop.pay(order)).status_code == 201
    return await shop.until("order", f"/orders/{order['order_id']}", status="paid")


@pytest.mark.parametrize("paid", [True, False])
async def test_parcel_made_by_hand_ships_its_order(shop: Shop, paid: bool) -> None:
    sku = await shop.product(stock=5)
    order = await (shop.paid_order if paid else shop.order)({sku: 2})
    order_id = order["order_id"]
    made = await ship(shop, order_id)
    assert made.status_code == 201, made.text
    assert {**made.json()["address"], **HOME} == made.json()["address"]
    known = await shop.get("order", f"/orders/{order_id}")
    assert (known["status"], known["shipment_id"]) == ("fulfilled", made.json()["shipment_id"])
    cancelled = await shop["order"].post(f"/orders/{order_id}/cancel", json={})
    assert problem(cancelled) == (409, "order-shipped")
    assert problem(await ship(shop, order_id)) == (409, "order-not-shippable")
    refused = await fulfil(shop, order_id)
    assert problem(refused) == (409, "order-not-fulfillable")
    assert refused.json()["shipment_id"] == made.json()["shipment_id"]
    stock = await shop.get("warehouse", f"/stock/{sku}")
    assert (stock["on_hand"], stock["reserved"]) == (5, 0)


async def test_parcel_of_a_job_is_the_only_one(shop: Shop) -> None:
    order_id = (await shop.paid_order({await shop.product(): 1}))["order_id"]
    job = (await fulfil(shop, order_id)).json()
    assert job["status"] == "completed"
    assert len(job["trace_id"]) == 32
    for chosen in ({}, {"shipment_id": str(uuid4())}):
        refused = await ship(shop, order_id, **chosen)
        assert problem(refused) == (409, "order-not-shippable")
        assert refused.json()["shipment_id"] == job["shipment_id"]


async def test_nothing_is_shipped_to_nowhere(shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await homeless(shop, {sku: 2})
    path = f"/orders/{order['order_id']}"
    assert problem(await ship(shop, order["order_id"])) == (409, "address-missing")
    assert problem(await fulfil(shop, order["order_id"])) == (409, "address-missing")
    stock = await shop.get("warehouse", f"/stock/{sku}")
    assert (stock["on_hand"], stock["reserved"]) == (5, 0)
    changed = await shop["order"].patch(path, json={"shipping_address": HOME})
    assert changed.status_code == 200, changed.text
    job = await fulfil(shop, order["order_id"])
    assert job.status_code == 201, job.text
    parcel = await shop.get("shipping", f"/shipments/{job.json()['shipment_id']}")
    assert parcel["address"] == changed.json()["shipping_address"]
    again = await shop["order"].patch(path, json={"shipping_address": HOME | {"city": "Galway"}})
    assert problem(again) == (409, "order-shipped")


async def test_address_of_its_own_is_enough(shop: Shop) -> None:
    order = await homeless(shop, {await shop.product(): 1})
    assert (await ship(shop, order["order_id"], address=HOME)).status_code == 201


async def test_what_is_not_tracked_is_shipped_beside_what_is(shop: Shop) -> None:
    counted, service = await shop.product(stock=3), await shop.product(stock=None)
    order = await shop.paid_order({counted: 2, service: 5})
    refused = await fulfil(shop, order["order_id"])
    assert problem(refused) == (409, "insufficient-stock")
    untracked = await shop["warehouse"].put(f"/stock/{service}", json={"tracked": False})
    assert untracked.status_code == 200, untracked.text
    assert (await fulfil(shop, order["order_id"])).status_code == 201
    page = await shop.get("warehouse", f"/stock?sku={service}&sku={counted}")
    assert [stock["on_hand"] for stock in page["items"]] == [0, 1]


async def test_carrier_may_repeat_itself_and_be_late(shop: Shop) -> None:
    order = await shop.paid_order({await shop.product(): 1})
    shipment_id = (await ship(shop, order["order_id"])).json()["shipment_id"]
    told = [
        {"status": "delivered", "at": "2026-03-02T10:00:00+01:00"},
        {"status": "dispatched", "at": "2026-03-01T10:00:00Z", "location": "Cork"},
        {"status": "exception", "at": "2026-03-01T20:00:00Z", "note": "Flat tyre"},
    ]
    for event in told * 2:
        path = f"/shipments/{shipment_id}/events"
        parcel = await shop.post("shipping", path, event, status=200)
        assert parcel["status"] == "delivered"
    events = [event["status"] for event in parcel["events"]]
    assert events == ["dispatched", "exception", "delivered", "created"]
