"""Money out and back, between the client, the provider and the order.

    pay     write `processing` → ask the provider → write the outcome → tell the order
    refund  set the amount aside → ask the provider → write `succeeded` → tell the order

Each arrow may be the last thing that this process does. What is written before it is enough for
the sweeps, or for the client's next request with the same key, to go on from there.
"""

import asyncio
from uuid import UUID

from asyncpg import Record
from starlette.responses import Response

from chassis import Context, Once, to_minor
from chassis.idempotency import IdempotencyInProgress
from chassis.logs import log

from . import adapters, counters, orders, payments, refunds
from .attempts import lease, pauses
from .payments import PaymentOutcomeUnknown
from .schemas import NewPayment, NewRefund

# A client waits no longer than this for the order to hear of what is done already.
TELL_SECONDS = 1.0

MINT = "SELECT uuidv7()"  # of a refund


async def pay(context: Context, once: Once, new: NewPayment) -> Response:
    begun = await once.recall()
    row = await _resume(context, begun) if begun else await _begin(context, once, new)
    outcome = await adapters.outcome_of(context, row) if payments.undecided(row) else None
    async with context.database.unit_of_work() as db:
        before, row = row, await payments.decide(db, row, outcome, lease(context))
        if payments.undecided(row):
            response = None
        else:
            location = f"/payments/{row['payment_id']}"
            response = await once.created(db, payments.as_payment(row), location)
    counters.decided(before, row)
    if response is None:
        raise PaymentOutcomeUnknown(payment_id=row["payment_id"])
    await _tell_soon(context, row)
    return response


async def _begin(context: Context, once: Once, new: NewPayment) -> Record:
    """A new payment, ours to work on; or the one that this key began meanwhile.

    Raises TooManyAttempts, and what `check_payable` and `until_order_is_free` do.
    """
    amount_minor = to_minor(new.amount, new.currency)
    customer_id = await orders.check_payable(context.peers["order"], new)
    while True:
        try:
            async with context.database.unit_of_work() as db:
                payment_id = await payments.mint(db, new.order_id)
                if earlier := await once.claim(db, payment_id):
                    break
                return await payments.insert(
                    db, payment_id, new, customer_id, amount_minor, lease(context)
                )
        except payments.OrderTaken:
            await payments.until_order_is_free(context.database, new.order_id)
    return await _resume(context, earlier)


async def _resume(context: Context, payment_id: UUID) -> Record:
    """The payment that an earlier request with this key began: decided, or ours to work on.

    Raises IdempotencyInProgress or PaymentOutcomeUnknown while somebody else is at work on it.
    """
    if row := await payments.claim(context.database, payment_id, pauses(context)):
        return row
    row = await payments.find(context.database, payment_id)
    if row["status"] == "processing":
        raise IdempotencyInProgress()
    if row["status"] == "unknown":
        raise PaymentOutcomeUnknown(payment_id=payment_id)
    return row


async def advance(context: Context, row: Record) -> None:
    """Take a payment that a sweep has claimed as far as it goes now."""
    if payments.undecided(row):
        outcome = await adapters.outcome_of(context, row)
        before, row = row, await payments.decide(context.database, row, outcome, lease(context))
        counters.decided(before, row)
    if not payments.undecided(row):
        await tell(context, row)


async def refund(context: Context, once: Once, payment_id: UUID, new: NewRefund) -> Response:
    begun = await once.recall()
    row = (
        await _resume_refund(context, payment_id, begun)
        if begun
        else await _begin_refund(context, once, payment_id, new)
    )
    if row["status"] == "processing" and not await adapters.refunded(context, row):
        raise PaymentOutcomeUnknown(refund_id=row["refund_id"])
    async with context.database.unit_of_work() as db:
        row, first = await refunds.succeed(db, row, lease(context))
        location = f"/payments/{payment_id}/refunds/{row['refund_id']}"
        response = await once.created(db, refunds.as_refund(row), location)
    counters.refunded(row, first)
    await _tell_soon(context, await payments.find(context.database, payment_id))
    return response


async def _begin_refund(context: Context, once: Once, payment_id: UUID, new: NewRefund) -> Record:
    payment = await payments.find(context.database, payment_id)
    amount_minor = refunds.amount_of(new, payment["currency"])
    async with context.database.unit_of_work() as db:
        refund_id = await db.fetchval(MINT)
        earlier = await once.claim(db, refund_id)
        if earlier is None:
            return await refunds.begin(
                db, payment_id, refund_id, amount_minor, new.reason, lease(context)
            )
    return await _resume_refund(context, payment_id, earlier)


async def _resume_refund(context: Context, payment_id: UUID, refund_id: UUID) -> Record:
    """As _resume: done, or ours to work on."""
    if row := await refunds.claim(context.database, refund_id, pauses(context)):
        return row
    row = await refunds.find(context.database, payment_id, refund_id)
    if row["status"] == "processing":
        raise IdempotencyInProgress()
    return row


async def advance_refund(context: Context, row: Record) -> None:
    """Take a refund that a sweep has claimed as far as it goes now."""
    if await adapters.refunded(context, row):
        async with context.database.unit_of_work() as db:
            row, first = await refunds.succeed(db, row, 0)
        counters.refunded(row, first)


async def _tell_soon(context: Context, payment: Record) -> None:
    """Tell the order now if that can be done; if it cannot, the sweep will."""
    try:
        await tell(context, payment)
    except Exception as error:
        # The money has moved and the answer is written: nothing may turn it into a failure now.
        log.warning("order not told yet", why=type(error).__name__)


async def tell(context: Context, payment: Record) -> None:
    """Bring the order up to date with its payment.

    Raises DependencyUnavailable or TimeoutError when the order does not answer.
    """
    told: Record | None = payment
    async with asyncio.timeout(TELL_SECONDS):
        if payment["status"] != "declined" and payment["order_told"] is None:
            told = await _tell_captured(context, payment)
        if told and told["status"] == "refunded" and not told["settled"]:
            await _tell_refunded(context, told)


async def _tell_captured(context: Context, payment: Record) -> Record | None:
    if await orders.tell_captured(context.peers["order"], payment):
        return await payments.told(context.database, payment, "captured")
    async with context.database.unit_of_work() as db:
        told = await payments.told(db, payment, "captured")
        if told:
            await refunds.begin_in_full(db, {payment["payment_id"]: None}, "order not payable")
    return told


async def _tell_refunded(context: Context, payment: Record) -> None:
    if await orders.tell_refunded(context.peers["order"], payment):
        await payments.told(context.database, payment, "refunded")
