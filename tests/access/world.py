"""Everybody's peers in one, who tell whose a cart or an order is: Ada's, unless told otherwise."""

import json
from uuid import UUID

import httpx

from tests.access.tokens import ADA
from tests.shop import HOME

CART = UUID("0190b6a8-7a63-7000-8000-0000000000c1")
ORDER = UUID("0190b6a8-7a63-7000-8000-0000000000d1")

PRODUCT = {"sku": "TEA", "name": "Tea", "price": "6.90", "currency": "EUR", "active": True}


class World:
    def __init__(self) -> None:
        self.credentials: list[str | None] = []
        # Of carts and orders.
        self.owners: dict[str, UUID] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.credentials.append(request.headers.get("authorization"))
        return httpx.Response(200, json=self._answer(request))

    def _answer(self, request: httpx.Request) -> dict[str, object]:
        match request.url.host:
            case "product_catalogue":
                return {"items": [PRODUCT], "next_cursor": None}
            case "customer":
                return {"customer_id": request.url.path.split("/")[2], "address": None}
            case "cart":
                return self._cart(request)
        order_id = (request.url.path.split("/")[2:] or [str(ORDER)])[0]
        claim = json.loads(request.content) if request.url.path.endswith("/parcel") else {}
        return {
            "shipment_id": claim.get("shipment_id"),
            "shipping_address": HOME,
            "order_id": order_id,
            "customer_id": str(self.owners.get(order_id, ADA)),
            "status": "pending",
            "total": "6.90",
            "currency": "EUR",
            "items": [],
        }

    def _cart(self, request: httpx.Request) -> dict[str, object]:
        taken = json.loads(request.content)["order_id"] if request.method == "PUT" else None
        cart_id = request.url.path.split("/")[2]
        return {
            "cart_id": cart_id,
            "customer_id": str(self.owners.get(cart_id, ADA)),
            "order_id": taken,
            "version": 1,
            "items": [{"sku": "TEA", "quantity": 1}],
        }
