"""The three peers of orderService, as far as it sees them, and a few of its calls."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

ADDRESS = {"line1": "Long Lane 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
HOME = {**ADDRESS, "line2": None, "region": None}


class Shop:
    """Customers, products and carts that answer as their services would.

    `before_read` is awaited before the next cart is read, `on_checkout` runs before one is closed;
    `lost_answers` closes it and then says nothing. `asks` is what customers ask about their data.
    """

    def __init__(self) -> None:
        self.customer = str(uuid4())
        self.products: dict[str, dict[str, Any]] = {}
        self.carts: dict[str, dict[str, Any]] = {}
        self.down: set[str] = set()
        self.lost_answers = False
        self.before_read: Callable[[], Awaitable[object]] | None = None
        self.on_checkout: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self.traces: list[tuple[str, str]] = []
        self.asks: list[dict[str, Any]] = []
        # The orders that carts were to be closed for, whether or not they were.
        self.closing: list[str] = []
        self.sell("CANDLE", "4.50")
        self.sell("LAMP", "19.99")

    def sell(self, sku: str, price: str, **changes: object) -> None:
        product = {"sku": sku, "name": f"The {sku}", "price": price, "currency": "EUR"}
        self.products[sku] = {**product, "active": True, **changes}

    def cart(self, owner: str | None = None, **items: int) -> str:
        """A new cart with so many of each product."""
        cart_id = str(uuid4())
        self.carts[cart_id] = {
            "cart_id": cart_id,
            "customer_id": owner,
            "order_id": None,
            "version": 1,
            # The price in a cart is old news, and must not be believed.
            "items": [
                {"sku": sku, "quantity": quantity, "unit_price": "0.01"}
                for sku, quantity in items.items()
            ],
        }
        return cart_id

    def add(self, cart_id: str, sku: str, quantity: int) -> None:
        cart = self.carts[cart_id]
        cart["items"].append({"sku": sku, "quantity": quantity, "unit_price": "0.01"})
        cart["version"] += 1

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.before_read and (request.method, request.url.host) == ("GET", "cart"):
            happen, self.before_read = self.before_read, None
            await happen()
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/subject-requests":
            after = int(request.url.params["after"])
            return ok({"items": [each for each in self.asks if each["number"] > after]})
        peer = request.url.host
        self.asked.append(f"{request.method} {peer}")
        trace = (request.headers["traceparent"], request.headers.get("tracestate", ""))
        self.traces.append(trace)
        checkout = request.method == "PUT"
        if checkout:
            self.closing.append(json.loads(request.content)["order_id"])
        if peer in self.down or (checkout and "checkout" in self.down):
            raise httpx.ConnectError("down")
        if peer == "product_catalogue":
            return self._products(request)
        if peer == "customer":
            known = request.url.path == f"/customers/{self.customer}"
            return ok({"customer_id": self.customer, "address": ADDRESS}) if known else missing()
        cart = self.carts.get(request.url.path.split("/")[2])
        if cart is None:
            return missing()
        return self._close(cart, json.loads(request.content)) if checkout else ok(cart)

    def _products(self, request: httpx.Request) -> httpx.Response:
        skus = request.url.params.get_list("sku")
        assert len(skus) <= 200
        return ok({"items": [self.products[sku] for sku in skus if sku in self.products]})

    def _close(self, cart: dict[str, Any], closing: dict[str, Any]) -> httpx.Response:
        self.on_checkout()
        if cart["order_id"] not in (None, closing["order_id"]):
            return refused("cart-checked-out", order_id=cart["order_id"])
        if cart["order_id"] is None and cart["version"] != closing["version"]:
            return refused("cart-changed", version=cart["version"])
        cart["order_id"] = closing["order_id"]
        if self.lost_answers:
            raise httpx.ReadTimeout("lost")
        return ok(cart)


def ok(body: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=body)


def missing() -> httpx.Response:
    return httpx.Response(404, json={"type": "/problems/not-found"})


def refused(slug: str, **members: object) -> httpx.Response:
    return httpx.Response(409, json={"type": f"/problems/{slug}", **members})


async def order(
    service: httpx.AsyncClient, shop: Shop, cart: str, key: str | None = None, **changes: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"customer_id": shop.customer, "cart_id": cart, **changes}
    return await service.post("/orders", json=body, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def listed(service: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await service.get(f"/orders?{query}")).json()["items"]
    return items


async def drafts(database_url: str) -> int:
    db = await asyncpg.connect(database_url)
    count: int = await db.fetchval("SELECT count(*) FROM orders.orders WHERE status = 'draft'")
    await db.close()
    return count
