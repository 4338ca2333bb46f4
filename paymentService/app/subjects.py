"""The personal data in payments: the card's last digits, and why money was given back."""

from typing import Any

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import payments, refunds

OF_ORDERS = "SELECT * FROM payment.payments WHERE order_id = ANY ($1) ORDER BY payment_id"

REFUNDS = """
SELECT refund.* FROM payment.refunds refund JOIN payment.payments USING (payment_id)
 WHERE order_id = ANY ($1) ORDER BY refund_id
"""

ERASE = "SELECT payment.erase($1)"


async def gather(db: Connection, request: SubjectRequest) -> list[Any]:
    made = [payments.as_payment(row) for row in await db.fetch(OF_ORDERS, request.things)]
    back = [refunds.as_refund(row) for row in await db.fetch(REFUNDS, request.things)]
    return [
        payment.model_dump(mode="json")
        | {
            "refunds": [
                refund.model_dump(mode="json")
                for refund in back
                if refund.payment_id == payment.payment_id
            ]
        }
        for payment in made
    ]


async def erase(db: Connection, request: SubjectRequest) -> None:
    await db.execute(ERASE, request.things)


HOLDER = Holder("payment", "payment.subject_requests", gather, erase)


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["order"])
