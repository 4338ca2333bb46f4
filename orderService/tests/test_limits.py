"""How much of one product a customer may have."""

import asyncio

import httpx
import pytest

from orderService.tests.shop import Shop, order, problem


@pytest.fixture
def environment() -> dict[str, str]:
    return {"MOST_OF_A_SKU": "5"}


async def test_orders_of_a_customer_count_together(service: httpx.AsyncClient, shop: Shop) -> None:
    assert (await order(service, shop, shop.cart(LAMP=3, CANDLE=5))).status_code == 201
    cart = shop.cart(LAMP=3, CANDLE=1)
    refused = await order(service, shop, cart, key="k")
    assert problem(refused) == (409, "quantity-limit")
    assert refused.json()["limit"] == 5
    assert refused.json()["exceeded"] == [
        {"sku": "CANDLE", "ordered": 5},
        {"sku": "LAMP", "ordered": 3},
    ]
    # Nothing was left behind, and the same request succeeds once there is room.
    assert shop.carts[cart]["order_id"] is None
    first = (await service.get("/orders")).json()["items"][0]["order_id"]
    assert (await service.post(f"/orders/{first}/cancel")).status_code == 200
    assert (await order(service, shop, cart, key="k")).status_code == 201


async def test_one_order_counts_too(service: httpx.AsyncClient, shop: Shop) -> None:
    assert (await order(service, shop, shop.cart(LAMP=6))).status_code == 409
    assert (await order(service, shop, shop.cart(LAMP=5))).status_code == 201
    shop.customer = f"{'0' * 8}-0000-4000-8000-{'1' * 12}"
    assert (await order(service, shop, shop.cart(LAMP=5))).status_code == 201


async def test_orders_at_once_do_not_exceed_it(service: httpx.AsyncClient, shop: Shop) -> None:
    carts = [shop.cart(LAMP=2) for _ in range(6)]
    answers = await asyncio.gather(*(order(service, shop, cart) for cart in carts))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
