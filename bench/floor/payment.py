"""paymentService and its sandbox provider, bare."""

from typing import Any
from uuid import UUID

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.turns import number_of
from paymentService.app import sandbox
from paymentService.app.payments import DECIDE, INSERT, MINT, TOLD

from .bare import (
    TRACE,
    answer,
    body_of,
    db_of,
    entries,
    major,
    minor,
    peers_of,
    service,
    trace_id,
    unit_of_work,
)

PLAIN = ("payment_id", "order_id", "status", "currency", "created_at", "updated_at")
LEASE_SECONDS = 1.5


def payment(row: Record) -> dict[str, Any]:
    return {
        **{name: row[name] for name in PLAIN},
        "amount": major(row["amount_minor"]),
        "refunded": major(row["refunded_minor"]),
        "method": {"type": "card", "last4": row["last4"]},
        "history": entries(row["history"], "status", "at"),
        "trace_id": trace_id(row),
    }


async def create(request: Request) -> Response:
    new, order_service = await body_of(request), peers_of(request)["order"]
    order_id, amount, currency = UUID(new["order_id"]), minor(new["amount"]), new["currency"]
    order = await order_service.ask("GET", f"/orders/{order_id}/payable")
    async with unit_of_work(request) as db:
        payment_id = await db.fetchval(MINT, number_of(str(order_id)))
        what = (
            payment_id,
            order_id,
            order["customer_id"],
            amount,
            currency,
            new["method"]["token"],
        )
        begun = await db.fetchrow(INSERT, *what, LEASE_SECONDS, TRACE)
        assert begun is not None
    await capture(request, payment_id, amount, currency)
    async with unit_of_work(request) as db:
        fence = (payment_id, begun["version"])
        row = await db.fetchrow(DECIDE, *fence, "captured", sandbox.LAST4, LEASE_SECONDS)
        assert row is not None
        made = payment(row)
    telling = {"payment_id": payment_id, "amount": made["amount"], "currency": currency}
    await order_service.ask("PUT", f"/orders/{order_id}/payment", telling)
    await db_of(request).fetchrow(TOLD, payment_id, row["version"], "captured")
    return answer(made, 201)


async def capture(request: Request, payment_id: UUID, amount: int, currency: str) -> None:
    """The provider: it looks, writes, and looks again, each by itself."""
    log = db_of(request)
    await log.fetchval(sandbox.FIND, payment_id)
    await log.fetchval(sandbox.WRITE, payment_id, "captured", amount, currency)
    await log.fetchval(sandbox.FIND, payment_id)


app = service(Route("/payments", create, methods=["POST"]), peers=("order",))
