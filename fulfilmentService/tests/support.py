"""What fulfilment's tests share: a shop of fake peers that remembers, and can be cut off."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.polling import until

ON_HAND = 10
LINES = [{"sku": "CANDLE", "quantity": 3}, {"sku": "WICK", "quantity": 1}]


class Killed(BaseException):
    """The process ends here: nothing catches it, nothing is cleaned up."""


class Refusal(Exception):
    """A peer's problem document."""

    def __init__(self, status: int, slug: str, **members: Any) -> None:
        self.status = status
        self.body = {"type": f"/problems/{slug}", "status": status, **members}


@dataclass
class Order:
    status: str = "paid"
    job_id: str | None = None
    shipment_id: str | None = None
    promised: str | None = None
    has_address: bool = True
    lines: list[dict[str, Any]] = field(default_factory=lambda: LINES)


@dataclass
class Reservation:
    items: dict[str, int]
    status: str

    @property
    def is_held(self) -> bool:
        return self.status == "held"


@dataclass
class Shop:
    """Order, warehouse and shipping, as their contracts say; `calls` is what was asked of them.

    With `cut_at`, all calls from that one on fail, until `mend`: `cut_after` tells whether the
    first one still takes effect, `cut_by` what the caller gets to see.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    on_hand: dict[str, int] = field(default_factory=lambda: {"CANDLE": ON_HAND, "WICK": ON_HAND})
    reservations: dict[str, Reservation] = field(default_factory=dict)
    shipments: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    shipping_refuses: bool = False
    cut_at: int | None = None
    cut_after: bool = False
    cut_by: type[BaseException] = httpx.ReadError
    # Awaited before the call whose path ends so.
    meanwhile: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def order(self, status: str = "paid") -> str:
        order_id = str(uuid4())
        self.orders[order_id] = Order(status)
        return order_id

    def mend(self) -> None:
        self.cut_at = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.host}{request.url.path}")
        for ending, happen in list(self.meanwhile.items()):
            if request.url.path.endswith(ending):
                del self.meanwhile[ending]
                await happen()
        cut = self.cut_at is not None and len(self.calls) >= self.cut_at
        if cut and not (self.cut_after and len(self.calls) == self.cut_at):
            raise self.cut_by("cut off before it took effect")
        answer = self._answer(request)
        if cut:
            raise self.cut_by("cut off after it took effect")
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        parts = request.url.path.strip("/").split("/")
        try:
            status, answer = getattr(self, f"_{request.url.host}")(request.method, parts, body)
        except Refusal as refusal:
            return httpx.Response(refusal.status, json=refusal.body)
        return httpx.Response(status, json=answer) if answer else httpx.Response(status)

    def _order(self, method: str, parts: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        order = self.orders.get(parts[1])
        if order is None:
            raise Refusal(404, "not-found")
        match method, parts[2:]:
            case "PUT", ["fulfilment"]:
                self._hold(order, body["job_id"], body["require_payment"])
                order.promised = body["shipment_id"]
            case "DELETE", ["fulfilment", job_id]:
                if order.job_id == job_id and order.status != "fulfilled":
                    order.job_id = None
                return 204, None
            case "PUT", ["shipment"]:
                if order.job_id != body["job_id"]:
                    raise Refusal(409, "order-not-held")
                order.status, order.shipment_id = "fulfilled", body["shipment_id"]
        told = {"order_id": parts[1], "status": order.status, "shipment_id": order.shipment_id}
        return 200, {**told, "has_address": order.has_address, "lines": order.lines}

    def _hold(self, order: Order, job_id: str, require_payment: bool) -> None:
        if order.job_id == job_id:
            return
        if order.status in ("cancelled", "refunded", "fulfilled"):
            members = {"order_status": order.status, "shipment_id": order.shipment_id}
            raise Refusal(409, "order-not-fulfillable", **members)
        if order.status not in ("pending", "paid"):
            raise Refusal(409, f"order-{order.status}")
        if order.job_id is not None:
            raise Refusal(409, "order-being-fulfilled")
        if order.status == "pending" and require_payment:
            raise Refusal(409, "order-not-paid")
        if not order.has_address:
            raise Refusal(409, "address-missing")
        order.job_id = job_id

    def _warehouse(self, _: str, parts: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        match parts[1:]:
            case []:
                return self._reserve(body)
            case [reservation_id, "release"]:
                standing = self.reservations.setdefault(reservation_id, Reservation({}, "released"))
                if standing.status in ("committed", "returned"):
                    raise Refusal(409, f"reservation-{standing.status}")
                if standing.status == "held":
                    standing.status = "released"
            case [reservation_id, "commit"]:
                standing = self.reservations[reservation_id]
                if standing.status not in ("held", "committed"):
                    raise Refusal(409, f"reservation-{standing.status}")
                if standing.status == "held":
                    self._move(standing, -1)
                standing.status = "committed"
            case [reservation_id, "return"]:
                standing = self.reservations[reservation_id]
                if standing.status == "committed":
                    self._move(standing, 1)
                standing.status = "returned"
        return 200, {"reservation_id": parts[1], "status": standing.status}

    def _reserve(self, body: dict[str, Any]) -> tuple[int, Any]:
        items = {item["sku"]: item["quantity"] for item in body["items"]}
        standing = self.reservations.get(body["reservation_id"])
        if standing is not None:
            if standing.status not in ("held", "committed"):
                raise Refusal(409, f"reservation-{standing.status}")
            return 200, {"reservation_id": body["reservation_id"], "status": standing.status}
        shortages = [
            {"sku": sku, "requested": quantity, "available": self.available(sku)}
            for sku, quantity in items.items()
            if quantity > self.available(sku)
        ]
        if shortages:
            raise Refusal(409, "insufficient-stock", shortages=shortages)
        self.reservations[body["reservation_id"]] = Reservation(items, "held")
        return 201, {"reservation_id": body["reservation_id"], "status": "held"}

    def available(self, sku: str) -> int:
        held = [made.items.get(sku, 0) for made in self.reservations.values() if made.is_held]
        return self.on_hand[sku] - sum(held)

    def _move(self, reservation: Reservation, sign: int) -> None:
        for sku, quantity in reservation.items.items():
            self.on_hand[sku] += sign * quantity

    def _shipping(self, _: str, __: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        order = self.orders[body["order_id"]]
        if self.shipping_refuses or order.promised != body["shipment_id"]:
            raise Refusal(409, "order-not-shippable")
        if not order.has_address:
            raise Refusal(409, "address-missing")
        stands = body["shipment_id"] in self.shipments
        self.shipments[body["shipment_id"]] = body["order_id"]
        return (200 if stands else 201), {"shipment_id": body["shipment_id"]}

    def check(self, order_id: str, job: dict[str, Any]) -> None:
        """Everything is done for a completed job, and nothing for a failed one."""
        order = self.orders[order_id]
        statuses = [made.status for made in self.reservations.values()]
        assert "held" not in statuses
        if job["status"] == "completed":
            assert (order.status, order.job_id) == ("fulfilled", job["job_id"])
            assert self.shipments == {job["shipment_id"]: order_id}
            assert order.shipment_id == order.promised == job["shipment_id"]
            assert statuses.count("committed") == 1
            assert self.reservations[job["reservation_id"]].status == "committed"
            assert self.on_hand == {"CANDLE": ON_HAND - 3, "WICK": ON_HAND - 1}
        else:
            assert job["status"] == "failed"
            assert (order.status, order.job_id) != ("fulfilled", job["job_id"])
            assert order.job_id is None
            assert self.shipments == {}
            assert "committed" not in statuses


async def fulfil(
    service: httpx.AsyncClient, order_id: str, key: str | None = None
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post("/fulfilments", json={"order_id": order_id}, headers=headers)


async def jobs_of(service: httpx.AsyncClient, order_id: str) -> list[dict[str, Any]]:
    """Newest first."""
    found = await service.get(f"/fulfilments?order_id={order_id}")
    items: list[dict[str, Any]] = found.json()["items"]
    return items


async def only_job_of(service: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    (job,) = await jobs_of(service, order_id)
    return job


async def run(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def let_leases_run_out(database_url: str) -> None:
    """As if the driver had not been heard of for long."""
    await run(database_url, "UPDATE fulfilment.jobs SET next_attempt_at = now()")


async def newest_job(service: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    return (await jobs_of(service, order_id))[0]


async def until_final(service: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    look = partial(newest_job, service, order_id)
    return await until(look, lambda job: job["status"] in ("completed", "failed"), seconds=20)
