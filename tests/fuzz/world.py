"""A small shop to ask about: without orders, most questions about orders end at once."""

import asyncio
import json
from typing import Any

from chassis.app import ServiceApp

from .fleet import ask
from .requests import Request

SKUS = 40
ORDERS = 30


class World:
    """What was made, as the answers told it."""

    def __init__(self, apps: dict[str, ServiceApp]) -> None:
        self._apps = apps
        self.answers: list[Any] = []

    async def make(self) -> None:
        skus = [f"SKU-{number}" for number in range(SKUS)]
        for sku in skus:
            product = {"sku": sku, "name": f"Green tea {sku}", "price": "19.99", "currency": "EUR"}
            await self._do("product_catalogue", "POST", "/products", product)
            await self._do("warehouse", "PUT", f"/stock/{sku}", {"quantity": 100_000})
            await self._do("search", "PUT", f"/index/{sku}", product | {"sku": None})
        for number in range(ORDERS):
            await self._order(number, skus[number % SKUS])

    async def _order(self, number: int, sku: str) -> None:
        """One order of each stage, and carts that none has been made of."""
        address = {"line1": "1 High Street", "city": "London", "country": "GB", "postal_code": "N1"}
        who = {"email": f"world{number}@example.org", "name": "Someone", "address": address}
        customer = await self._do("customer", "POST", "/customers", who)
        cart = await self._do("cart", "POST", "/carts", {})
        item = {"sku": sku, "quantity": 1 + number % 3}
        await self._do("cart", "POST", f"/carts/{cart['cart_id']}/items", item)
        if number % 3 == 0:
            return
        asked = {"customer_id": customer["customer_id"], "cart_id": cart["cart_id"]}
        order = await self._do("order", "POST", "/orders", asked)
        money = {name: order[name] for name in ("order_id", "currency")} | {
            "amount": order["total"]
        }
        if number % 3 == 1:
            card = {"method": {"type": "card", "token": "tok_ok"}}
            await self._do("payment", "POST", "/payments", money | card)
            await self._do("transaction", "POST", "/transactions", money)
        if number % 6 == 1:
            await self._do("fulfilment", "POST", "/fulfilments", {"order_id": order["order_id"]})

    async def _do(self, service: str, method: str, target: str, body: dict[str, Any]) -> Any:
        given = {name: value for name, value in body.items() if value is not None}
        headers = (
            ("Content-Type", b"application/json"),
            ("Idempotency-Key", f"world-{len(self.answers)}".encode()),
        )
        request = Request(target, method, target, headers, json.dumps(given).encode())
        for _ in range(60):
            answer = await ask(self._apps[service], request)
            if answer.status != 503:
                break
            await asyncio.sleep(0.2)  # between two tries, of sixty at most
        assert answer.status < 300, f"{answer.body!r} to {request}"
        self.answers.append(answer.json())
        return self.answers[-1]
