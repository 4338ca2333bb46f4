"""What this service finishes, or finds, by itself."""

from functools import partial

from chassis import Context, Queue, Sweep

from . import orders, payments, refunds, saga, subjects
from .attempts import pauses, take_up


async def settle_payments(context: Context) -> int:
    """Those that were cut off, that the provider left open, or whose order does not know yet."""
    due = await payments.claim_due(context.database, pauses(context))
    return await take_up("payments", due, partial(saga.advance, context))


async def finish_refunds(context: Context) -> int:
    due = await refunds.claim_due(context.database, pauses(context))
    return await take_up("refunds", due, partial(saga.advance_refund, context))


async def refund_cancelled_orders(context: Context) -> int:
    """Orders that were cancelled after they were paid get their money back."""
    begun, cursor, more = 0, None, True
    while more:
        paid, cursor = await orders.cancelled_and_paid(context.peers["order"], cursor)
        begun += await refunds.begin_in_full(context.database, paid, "order cancelled")
        more = cursor is not None
    return begun


SWEEPS = (
    Sweep("payments", settle_payments, every=0.5, parked=payments.PARKED),
    Sweep("refunds", finish_refunds, every=0.5, parked=refunds.PARKED),
    Sweep("cancelled-orders", refund_cancelled_orders, every=2),
    Sweep("subject-requests", subjects.follow, parked=subjects.HOLDER.parked),
)

UNSETTLED = (
    "SELECT created_at FROM payment.payments WHERE NOT settled AND {} ORDER BY next_attempt_at"
)
REFUNDING = """
SELECT created_at FROM payment.refunds WHERE status = 'processing' ORDER BY next_attempt_at
"""

QUEUES = (
    Queue("payments-processing", UNSETTLED.format("status = 'processing'")),
    Queue("payments-unknown", UNSETTLED.format("status = 'unknown'")),
    Queue("payments-untold", UNSETTLED.format("status IN ('captured', 'refunded')")),
    Queue("refunds-processing", REFUNDING),
)
