"""What shipping's tests share: orders as their service tells them, and a few calls."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.order_peer import OrderPeer

HOME = {
    "line1": "1 Wax Lane",
    "line2": None,
    "city": "Kerzendorf",
    "region": None,
    "postal_code": "12345",
    "country": "DE",
}
WORK = HOME | {"line1": "2 Wick Road", "line2": "Floor 3"}


class Orders(OrderPeer):
    """Orders that may be claimed. `meanwhile` happens before the next claim is heard, and is gone;
    with `lost_answers` it is heard and not answered."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None
        self.lost_answers = False
        self.claims: list[str] = []
        self.refused: set[str] = set()

    def place(self, status: str = "paid", shipping_address: object = HOME) -> str:
        told = {"shipping_address": shipping_address, "customer_id": str(uuid4()), "held": False}
        parcels = {"shipment_id": None, "promised_shipment_id": None}
        return self.hold(status=status, **told, **parcels)

    def of(self, order_id: str) -> dict[str, Any]:
        return self.placed[f"/orders/{order_id}"]

    def becomes(self, order_id: str, status: str) -> None:
        self.of(order_id)["status"] = status

    def held(self, order_id: str, promised: str) -> None:
        """By a job that will make this parcel."""
        self.of(order_id).update(held=True, promised_shipment_id=promised)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PUT" or self.trouble:
            return super().__call__(request)
        self.asked += 1
        if happen := self.meanwhile:
            self.meanwhile = None
            happen()
        body = json.loads(request.content)
        self.claims.append(body["shipment_id"])
        answer = self._claim(self.placed.get(request.url.path.removesuffix("/parcel")), body)
        if self.lost_answers:
            raise httpx.ReadTimeout("lost")
        return answer

    def _claim(self, order: dict[str, Any] | None, body: dict[str, Any]) -> httpx.Response:
        if order is None:
            return httpx.Response(404, json={})
        ours = body["shipment_id"]
        if order["shipment_id"] == ours:
            return httpx.Response(200, json=order)
        if order["status"] not in ("pending", "paid"):
            members = {"order_status": order["status"], "shipment_id": order["shipment_id"]}
            return refusal("order-not-fulfillable", **members)
        if order["held"] or ours in self.refused:
            self.refused.add(ours)
            return refusal("order-being-fulfilled")
        if not body["has_address"] and order["shipping_address"] is None:
            self.refused.add(ours)
            return refusal("address-missing")
        order.update(status="fulfilled", shipment_id=ours)
        return httpx.Response(200, json=order)


def refusal(slug: str, **members: object) -> httpx.Response:
    return httpx.Response(409, json={"type": f"/problems/{slug}", **members})


async def ship(
    service: httpx.AsyncClient, order_id: str, key: str = "", **members: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post("/shipments", json={"order_id": order_id, **members}, headers=headers)


async def move(
    service: httpx.AsyncClient, shipment_id: str, status: str, key: str = "", **members: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post(
        f"/shipments/{shipment_id}/events", json={"status": status, **members}, headers=headers
    )


async def shipped(service: httpx.AsyncClient, orders: Orders, *statuses: str) -> str:
    """The id of a new shipment that has come through these statuses."""
    shipment_id: str = (await ship(service, orders.place())).json()["shipment_id"]
    for status in statuses:
        assert (await move(service, shipment_id, status)).status_code == 200
    return shipment_id


async def count(service: httpx.AsyncClient, order_id: str) -> int:
    return len((await service.get(f"/shipments?order_id={order_id}")).json()["items"])
