"""An order of 19.99 EUR, what can be asked of it, and how it comes to each status."""

from typing import Any
from uuid import uuid4

import httpx

from orderService.tests.shop import ADDRESS, Shop, order

JOB, OTHER_JOB, SHIPMENT = str(uuid4()), str(uuid4()), str(uuid4())
PARCEL, OTHER_PARCEL = str(uuid4()), str(uuid4())
PAYMENT, OTHER_PAYMENT = str(uuid4()), str(uuid4())


class Placed:
    """An order of 19.99 EUR, and what can be asked of it."""

    def __init__(self, service: httpx.AsyncClient, order_id: str) -> None:
        self.service = service
        self.path = f"/orders/{order_id}"

    async def read(self) -> dict[str, Any]:
        body: dict[str, Any] = (await self.service.get(self.path)).json()
        return body

    async def _put(self, what: str, **body: object) -> httpx.Response:
        return await self.service.put(f"{self.path}/{what}", json=body)

    async def pay(
        self, payment: str = PAYMENT, amount: str = "19.99", currency: str = "EUR"
    ) -> httpx.Response:
        return await self._put("payment", payment_id=payment, amount=amount, currency=currency)

    async def refund(self, payment: str = PAYMENT) -> httpx.Response:
        return await self._put("refund", payment_id=payment)

    async def hold(
        self, job: str = JOB, require_payment: bool = True, attempt: int = 1
    ) -> httpx.Response:
        claim = {"job_id": job, "round": attempt, "require_payment": require_payment}
        return await self._put("fulfilment", shipment_id=SHIPMENT, **claim)

    async def claim(self, shipment: str = PARCEL, has_address: bool = False) -> httpx.Response:
        return await self._put("parcel", shipment_id=shipment, has_address=has_address)

    async def readdress(self, city: str = "Bonn") -> httpx.Response:
        changes = {"shipping_address": ADDRESS | {"city": city}}
        return await self.service.patch(self.path, json=changes)

    async def let_go(self, job: str = JOB, attempt: int = 1) -> httpx.Response:
        return await self.service.delete(f"{self.path}/fulfilment/{job}?round={attempt}")

    async def ship(self, job: str = JOB, shipment: str = SHIPMENT) -> httpx.Response:
        return await self._put("shipment", job_id=job, shipment_id=shipment)

    async def cancel(self, key: str | None = None, **body: object) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.service.post(f"{self.path}/cancel", json=body, headers=headers)


async def place(service: httpx.AsyncClient, shop: Shop) -> Placed:
    placed = await order(service, shop, shop.cart(LAMP=1))
    return Placed(service, placed.json()["order_id"])


# How an order comes to each status.
ROADS: dict[str, tuple[str, ...]] = {
    "pending": (),
    "paid": ("pay",),
    "held": ("pay", "hold"),
    "fulfilled": ("pay", "hold", "ship"),
    "cancelled": ("cancel",),
    "cancelled, paid": ("pay", "cancel"),
    "refunded": ("pay", "refund"),
    "fulfilled, refunded": ("pay", "hold", "ship", "refund"),
    "by hand": ("pay", "claim"),
    "by hand, unpaid": ("claim",),
    "by hand, refunded": ("pay", "claim", "refund"),
}


async def bring(placed: Placed, road: str) -> None:
    for step in ROADS[road]:
        done = await getattr(placed, step)()
        assert done.status_code == 200, done.text
