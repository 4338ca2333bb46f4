"""The personal data in payments: the card's last digits, and why money was given back."""

from typing import Any
from uuid import UUID

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import payments, refunds

AFTER = """
SELECT payment_id FROM payment.payments
 WHERE order_id = ANY ($1) AND payment_id > $2 ORDER BY payment_id LIMIT 500
"""

OF_IDS = "SELECT * FROM payment.payments WHERE payment_id = ANY ($1) ORDER BY payment_id"

REFUNDS = "SELECT * FROM payment.refunds WHERE payment_id = ANY ($1) ORDER BY refund_id"

ERASE = "SELECT payment.erase_payments($1)"


async def after(db: Connection, request: SubjectRequest, done_to: UUID) -> list[UUID]:
    return [row["payment_id"] for row in await db.fetch(AFTER, request.things, done_to)]


async def gather(db: Connection, payment_ids: list[UUID]) -> list[Any]:
    back: dict[UUID, list[Any]] = {payment_id: [] for payment_id in payment_ids}
    for row in await db.fetch(REFUNDS, payment_ids):
        back[row["payment_id"]].append(refunds.as_refund(row).model_dump(mode="json"))
    return [
        payments.as_payment(row).model_dump(mode="json") | {"refunds": back[row["payment_id"]]}
        for row in await db.fetch(OF_IDS, payment_ids)
    ]


async def erase(db: Connection, payment_ids: list[UUID]) -> None:
    await db.execute(ERASE, payment_ids)


HOLDER = Holder("payment", "payment.subject_requests", after, gather, erase)


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["order"])
