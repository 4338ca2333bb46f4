"""Each body that an OpenAPI page shows works when it is sent; the ids are those of this shop."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.openapi import INTERNAL
from fleet.openapi import pages
from fleet.services import SERVICES
from tests.house.test_pages import example_of
from tests.shop import Shop

TOTAL = "9.90"  # of two red candles, as the examples have it


class World:
    """Makes what an example needs to be there, anew for each."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def ids(self, operation: str) -> dict[str, str]:
        made = {"sku": "CANDLE-RED", "email": f"{uuid4().hex}@example.org"}
        made["reservation_id"] = str(uuid4())
        if operation == "create_product":
            return made | {"sku": f"CANDLE-{uuid4().hex[:8]}"}
        await self._candles()
        customer = {"email": f"{uuid4().hex}@example.org", "name": "Grace"}
        made["customer_id"] = (await self._put("customer", "/customers", customer))["customer_id"]
        for name in ("cart_id", "from_cart_id"):
            made[name] = await self._cart()
        if operation in NEEDED:
            made |= await NEEDED[operation](self, made)
        return made

    async def _candles(self) -> None:
        product = {"name": "Red candle, 20 cm", "price": "4.95", "currency": "EUR"}
        created = await self._shop["product_catalogue"].post(
            "/products", json=product | {"sku": "CANDLE-RED"}
        )
        if created.status_code == 409:  # an example has changed its price, or withdrawn it
            answer = await self._shop["product_catalogue"].put("/products/CANDLE-RED", json=product)
            assert answer.status_code == 200, answer.text
        stock = await self._shop["warehouse"].put("/stock/CANDLE-RED", json={"quantity": 100_000})
        assert stock.status_code == 200, stock.text

    async def _put(self, service: str, path: str, body: dict[str, Any]) -> Any:
        answer = await self._shop[service].post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def _cart(self) -> str:
        cart_id = str(uuid4())
        item = {"sku": "CANDLE-RED", "quantity": 2}
        await self._put("cart", f"/carts/{cart_id}/items", item)
        return cart_id

    async def ordered(self, made: dict[str, str]) -> dict[str, str]:
        address = {"line1": "1 Quay", "city": "Cork", "postal_code": "T12", "country": "IE"}
        new = {"customer_id": made["customer_id"], "cart_id": made["cart_id"]}
        order = await self._put("order", "/orders", new | {"shipping_address": address})
        assert order["total"] == TOTAL
        return {"order_id": order["order_id"]}

    async def paid(self, made: dict[str, str]) -> dict[str, str]:
        ordered = await self.ordered(made)
        card = {"type": "card", "token": "tok_ok"}
        money = {"amount": TOTAL, "currency": "EUR", "method": card}
        payment = await self._put("payment", "/payments", ordered | money)
        return ordered | {"payment_id": payment["payment_id"]}

    async def posted(self, made: dict[str, str]) -> dict[str, str]:
        ordered = await self.ordered(made)
        shipment = await self._put("shipping", "/shipments", ordered)
        return ordered | {"shipment_id": shipment["shipment_id"]}


NEEDED: dict[str, Callable[[World, dict[str, str]], Awaitable[dict[str, str]]]] = {
    "cancel_order": World.ordered,
    "change_order": World.ordered,
    "create_payment": World.ordered,
    "create_transaction": World.ordered,
    "create_shipment": World.ordered,
    "create_refund": World.paid,
    "fulfil_order": World.paid,
    "record_event": World.posted,
}


def with_ids(value: Any, ids: dict[str, str]) -> Any:
    """The example, about things that are there."""
    if isinstance(value, list):
        return [with_ids(each, ids) for each in value]
    if isinstance(value, dict):
        return {name: ids.get(name, with_ids(each, ids)) for name, each in value.items()}
    return value


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
async def test_each_example_works(shop: Shop, name: str) -> None:
    world, sent = World(shop), 0
    for path, methods in pages()[name]["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation or INTERNAL in operation["tags"]:
                continue
            ids = await world.ids(operation["operationId"])
            example = example_of(name, operation)
            keep = {"sku"} if "bulk" in path else set()
            body = with_ids(example, {key: ids[key] for key in ids.keys() - keep})
            answer = await asked(shop[name], method, path.format(**ids), body)
            assert answer.status_code < 300, f"{method} {path} {body}: {answer.text}"
            assert not answer.json().get("errors"), answer.text
            sent += 1
    assert sent >= 1


async def asked(client: httpx.AsyncClient, method: str, url: str, body: Any) -> httpx.Response:
    return await client.request(method.upper(), url, json=body)
