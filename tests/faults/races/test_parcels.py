"""Who ships an order, where to, and who comes too late."""

from collections import Counter
from typing import Any

import httpx

from tests.faults.races.crowd import Crowd, problem, take_turns
from tests.faults.races.sizes import Sizes
from tests.shop import HOME, unique

STOCK = 1_000_000
CITIES = ("Sligo", "Galway")


async def ship(shop: Crowd, order_id: str) -> httpx.Response:
    """By hand. Of an order that a job holds, once that has ended."""
    body, key = {"order_id": order_id}, unique("ship")
    return await shop.insist("shipping", "POST", "/shipments", body, key=key)


async def readdress(shop: Crowd, order_id: str, city: str) -> httpx.Response:
    body = {"shipping_address": HOME | {"city": city}}
    return await shop.insist("order", "PATCH", f"/orders/{order_id}", body)


async def stands(shop: Crowd, order_id: str) -> tuple[Any, list[Any]]:
    """The order, and its parcels."""
    order = await shop.get("order", f"/orders/{order_id}")
    return order, (await shop.get("shipping", f"/shipments?order_id={order_id}"))["items"]


async def test_by_hand_against_cancel(shop: Crowd, sizes: Sizes) -> None:
    """What is on its way is not cancelled, and what is cancelled does not go."""
    sku = await shop.product(stock=STOCK)

    async def turn() -> None:
        order_id = (await shop.paid_order({sku: 1}))["order_id"]
        shipped, cancelled = await shop.race(ship(shop, order_id), shop.cancel(order_id))
        answers = (problem(shipped), problem(cancelled))
        assert answers in [("", "order-shipped"), ("order-not-shippable", "")]
        if shipped.is_success:
            order, (parcel,) = await stands(shop, order_id)
            assert (order["status"], order["shipment_id"]) == ("fulfilled", parcel["shipment_id"])
        else:
            await shop.until("order", f"/orders/{order_id}", status="refunded")
            assert (await stands(shop, order_id))[1] == []

    await take_turns("By hand, cancel", sizes.turns, turn)


async def test_by_hand_against_fulfil(shop: Crowd, sizes: Sizes) -> None:
    """One ships it, and the goods leave once at most."""
    sku = await shop.product(stock=STOCK)
    by_job = Counter[bool]()

    async def turn() -> None:
        order_id = (await shop.paid_order({sku: 1}))["order_id"]
        shipped, fulfilled = await shop.race(ship(shop, order_id), shop.fulfil(order_id))
        answers = (problem(shipped), problem(fulfilled))
        assert answers in [("", "order-not-fulfillable"), ("order-not-shippable", "")]
        by_job[fulfilled.is_success] += 1
        order, (parcel,) = await stands(shop, order_id)
        assert (order["status"], order["shipment_id"]) == ("fulfilled", parcel["shipment_id"])
        assert (order["fulfilment_job_id"] is not None) == fulfilled.is_success

    await take_turns("By hand, fulfil", sizes.turns, turn)
    await shop.until("warehouse", f"/stock/{sku}", on_hand=STOCK - by_job[True], reserved=0)


async def test_by_hand_against_by_hand(shop: Crowd, sizes: Sizes) -> None:
    sku = await shop.product(stock=STOCK)

    async def turn() -> None:
        order_id = (await shop.paid_order({sku: 1}))["order_id"]
        answers = await shop.race(*(ship(shop, order_id) for _ in range(4)))
        assert Counter(problem(answer) for answer in answers) == {"": 1, "order-not-shippable": 3}
        (won,) = [answer.json() for answer in answers if answer.is_success]
        order, parcels = await stands(shop, order_id)
        assert (order["shipment_id"], parcels) == (won["shipment_id"], [won])

    await take_turns("By hand, by hand", sizes.turns, turn)


async def test_address_against_parcel(shop: Crowd, sizes: Sizes) -> None:
    """A parcel goes where the last address that was accepted says."""
    sku = await shop.product(stock=STOCK)

    async def turn() -> None:
        for send in (shop.fulfil, lambda order_id: ship(shop, order_id)):
            order_id = (await shop.paid_order({sku: 1}))["order_id"]
            sent, *changed = await shop.race(
                send(order_id), *(readdress(shop, order_id, city) for city in CITIES)
            )
            assert sent.is_success
            assert {problem(answer) for answer in changed} <= {"", "order-shipped"}
            order, (parcel,) = await stands(shop, order_id)
            assert parcel["address"] == order["shipping_address"]
            accepted = [
                city for city, answer in zip(CITIES, changed, strict=True) if answer.is_success
            ]
            assert parcel["address"]["city"] in (accepted or [HOME["city"]])

    await take_turns("Address", sizes.turns, turn)
