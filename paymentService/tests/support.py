"""What the tests of payments share: a shop whose orders can be paid, and the provider's books."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from chassis import Context
from paymentService.app.provider import Outcome
from paymentService.app.sandbox import Sandbox
from tests.polling import until

OK = "tok_ok"

# What is true at every instant; each returns the rows that break it.
INVARIANTS = {
    "the provider captured each payment and each order once at most": """
        SELECT order_id FROM payment.sandbox_charges JOIN payment.payments USING (payment_id)
         WHERE outcome = 'captured' GROUP BY order_id HAVING count(*) > 1""",
    "what is captured here was captured by the provider, for as much": """
        SELECT payment_id FROM payment.payments p
         WHERE status IN ('captured', 'refunded') AND NOT EXISTS (
             SELECT FROM payment.sandbox_charges s
              WHERE s.payment_id = p.payment_id AND outcome = 'captured'
                AND (s.amount_minor, s.currency) = (p.amount_minor, p.currency))""",
    "refunds add up to what is set aside for them": """
        SELECT payment_id FROM payment.payments p
         WHERE refunded_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM payment.refunds r
                                   WHERE r.payment_id = p.payment_id)""",
    "the provider gave back what succeeded here, and never more than it took": """
        SELECT payment_id FROM payment.refunds LEFT JOIN payment.sandbox_refunds given
         USING (refund_id, payment_id, amount_minor)
         WHERE refunds.status = 'succeeded' AND given.refund_id IS NULL
         UNION ALL
        SELECT payment_id FROM payment.sandbox_refunds GROUP BY payment_id
        HAVING sum(amount_minor) > (SELECT amount_minor FROM payment.payments p
                                     WHERE p.payment_id = sandbox_refunds.payment_id)""",
}


@dataclass
class Shop:
    """The order service, as far as payments know it."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    down: bool = False
    deaf: bool = False
    being_fulfilled: bool = False
    told: list[str] = field(default_factory=list)
    cancelled_in: str | None = None

    def place(self, total: str = "20.00", currency: str = "EUR", status: str = "pending") -> str:
        order_id = str(uuid4())
        self.orders[order_id] = {
            "order_id": order_id,
            "status": status,
            "total": total,
            "currency": currency,
            "payment_id": None,
        }
        return order_id

    def status(self, order_id: str) -> str:
        return str(self.orders[order_id]["status"])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        if request.url.path == "/cancelled-payments":
            return self._cancelled(request)
        _, _, order_id, *what = request.url.path.split("/")
        order = self.orders.get(order_id)
        if order is None:
            return problem(404, "not-found")
        if what == ["payable"]:
            return httpx.Response(200, json=order)
        if self.deaf:
            return problem(503, "overloaded")
        self.told.append(what[0])
        body = json.loads(request.content)
        return self._paid(order, body) if what == ["payment"] else self._refunded(order, body)

    def _cancelled(self, request: httpx.Request) -> httpx.Response:
        """One a page."""
        items = [o for o in self.orders.values() if o["status"] == "cancelled" and o["payment_id"]]
        at = int(request.url.params.get("cursor", 0))
        after = str(at + 1) if at + 1 < len(items) else None
        page = [{**each, "traceparent": self.cancelled_in} for each in items[at : at + 1]]
        return httpx.Response(200, json={"items": page, "next_cursor": after})

    def _paid(self, order: dict[str, Any], body: dict[str, str]) -> httpx.Response:
        if order["payment_id"] == body["payment_id"]:
            return httpx.Response(200, json=order)
        if order["status"] not in ("pending", "fulfilled") or order["payment_id"]:
            return problem(409, "order-not-payable", order_status=order["status"])
        assert (body["amount"], body["currency"]) == (order["total"], order["currency"])
        status = "paid" if order["status"] == "pending" else "fulfilled"
        order.update(status=status, payment_id=body["payment_id"])
        return httpx.Response(200, json=order)

    def _refunded(self, order: dict[str, Any], body: dict[str, str]) -> httpx.Response:
        if self.being_fulfilled:
            return problem(409, "order-being-fulfilled")
        if order["payment_id"] != body["payment_id"]:
            return problem(409, "order-not-refundable", order_status=order["status"])
        order["status"] = "refunded"
        return httpx.Response(200, json=order)


def problem(status: int, slug: str, **members: object) -> httpx.Response:
    return httpx.Response(status, json={"type": f"/problems/{slug}", "status": status, **members})


@dataclass
class Line:
    """The line to the provider; while it is cut, no request gets there."""

    cut: bool = False

    async def reach(self) -> None:
        if self.cut:
            await asyncio.Event().wait()


class DistantSandbox(Sandbox):
    """The sandbox at the far end of a line."""

    def __init__(self, context: Context, line: Line) -> None:
        super().__init__(context)
        self._line = line

    async def capture(
        self, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Outcome:
        await self._line.reach()
        return await super().capture(payment_id, amount_minor, currency, token)

    async def find(self, payment_id: UUID) -> Outcome | None:
        await self._line.reach()
        return await super().find(payment_id)

    async def refund(
        self, refund_id: UUID, payment_id: UUID, amount_minor: int, currency: str
    ) -> None:
        await self._line.reach()
        await super().refund(refund_id, payment_id, amount_minor, currency)


class Books:
    """Both sets of books, as an auditor sees them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self._dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *args)]
        finally:
            await connection.close()

    async def check(self) -> None:
        for rule, query in INVARIANTS.items():
            assert await self.fetch(query) == [], rule

    async def captures(self) -> int:
        query = "SELECT 1 FROM payment.sandbox_charges WHERE outcome = 'captured'"
        return len(await self.fetch(query))

    async def payment(self, order_id: str, status: str, **columns: Any) -> UUID:
        """A payment as a killed process has left it, for anybody to take up."""
        values: dict[str, Any] = {"amount_minor": 2000, "currency": "EUR", **columns}
        values |= {"order_id": UUID(order_id), "status": status}
        names = ", ".join(values)
        places = ", ".join(f"${number + 1}" for number in range(len(values)))
        rows = await self.fetch(
            f"INSERT INTO payment.payments ({names}) VALUES ({places}) RETURNING payment_id",  # noqa: S608  # names of tests
            *values.values(),
        )
        payment_id: UUID = rows[0]["payment_id"]
        return payment_id

    async def captured(self, order_id: str, **columns: Any) -> UUID:
        """One that was captured, and whose order has not been told."""
        payment_id = await self.payment(order_id, "captured", **columns)
        await self.provider_captured(payment_id)
        return payment_id

    async def provider_captured(self, payment_id: UUID) -> None:
        await self.fetch(
            "INSERT INTO payment.sandbox_charges (payment_id, outcome, amount_minor, currency)"
            " SELECT payment_id, 'captured', amount_minor, currency"
            " FROM payment.payments WHERE payment_id = $1",
            payment_id,
        )


def body_for(order_id: str, token: str = OK) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "amount": "20.00",
        "currency": "EUR",
        "method": {"type": "card", "token": token},
    }


async def pay(
    service: httpx.AsyncClient,
    order_id: str,
    token: str = OK,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    changes: Mapping[str, object] | None = None,
) -> httpx.Response:
    sent = {**(headers or {}), **({"Idempotency-Key": key} if key else {})}
    body = body_for(order_id, token) | dict(changes or {})
    return await service.post("/payments", json=body, headers=sent)


async def until_payment(
    service: httpx.AsyncClient, payment_id: object, status: str
) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        payment: dict[str, Any] = (await service.get(f"/payments/{payment_id}")).json()
        return payment

    return await until(read, lambda found: found["status"] == status)


async def until_order(shop: Shop, order_id: str, status: str) -> None:
    async def read() -> str:
        return shop.status(order_id)

    await until(read, lambda found: found == status)


async def until_told(shop: Shop, times: int) -> None:
    async def read() -> int:
        return len(shop.told)

    await until(read, lambda told: told >= times)
