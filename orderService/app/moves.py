"""How an order moves on:

    pending ─────────────→ paid         its payment was captured; or there is nothing to pay
    pending, paid ───────→ fulfilled    its parcel is on its way (fulfilment.py)
    pending, paid ───────→ cancelled    its customer does not want it any more
    paid, fulfilled,
    cancelled ───────────→ refunded     its payment was given back

Shipped on invoice it is fulfilled first and paid later, and stays fulfilled. Every move may be
asked for again: each is made if it can be, and then judged by where the order stands.
"""

from uuid import UUID

from chassis import Connection, Problem, to_major, to_minor
from chassis.context import current

from . import payable
from .orders import ERASED, find
from .schemas import CapturedPayment, Order, Payable

# Each moves the order and notes that in its history, in one statement. An order of 0.00 is paid as
# it is placed (drafts.py), and never by a payment.
PAY = """
WITH moved AS (
    UPDATE orders.orders
       SET payment_id = $2, updated_at = clock_timestamp(),
           status = CASE status WHEN 'pending' THEN 'paid' ELSE status END
     WHERE order_id = $1 AND status IN ('pending', 'fulfilled') AND payment_id IS NULL
       AND total_minor > 0 AND total_minor = $3 AND currency = $4
    RETURNING order_id, customer_id, status, total_minor, currency, payment_id
), noted AS (
    INSERT INTO orders.order_history (order_id, status)
    SELECT order_id, status FROM moved WHERE status = 'paid'
)
SELECT * FROM moved
"""

REFUND = """
WITH moved AS (
    UPDATE orders.orders SET status = 'refunded', updated_at = clock_timestamp()
     WHERE order_id = $1 AND payment_id = $2
       AND (status IN ('fulfilled', 'cancelled') OR status = 'paid' AND fulfilment_job_id IS NULL)
    RETURNING order_id, customer_id, status, total_minor, currency, payment_id
), noted AS (
    INSERT INTO orders.order_history (order_id, status) SELECT order_id, status FROM moved
)
SELECT * FROM moved
"""

CANCEL = f"""
WITH moved AS (
    UPDATE orders.orders SET status = 'cancelled', updated_at = clock_timestamp()
     WHERE order_id = $1 AND status IN ('pending', 'paid') AND fulfilment_job_id IS NULL
       AND ($3::uuid IS NULL OR customer_id = $3)
    RETURNING order_id, customer_id, status
)
INSERT INTO orders.order_history (order_id, status, reason, traceparent)
SELECT order_id, status, CASE WHEN NOT {ERASED} THEN $2 END, $4 FROM moved
"""  # noqa: S608  # a constant of orders.py


class AmountMismatch(Problem, status=422):
    """The amount is not the one that is expected, or is in another currency.

    Send the amount and the currency that the members name.
    """

    expected: str
    """What the amount has to be."""
    currency: str


class OrderNotPayable(Problem, status=409):
    """The order cannot be paid any more.

    Read the order: it is cancelled, refunded, or paid by another payment.
    """

    order_status: str
    """Where the order stands."""
    payment_id: UUID | None = None


class OrderNotRefundable(Problem, status=409):
    """The order was not paid by this payment.

    Refund the payment that the order names.
    """

    order_status: str
    """Where the order stands."""


class OrderNotCancellable(Problem, status=409):
    """The order has been refunded.

    There is nothing to cancel any more.
    """


class OrderShipped(Problem, status=409):
    """The order has been shipped.

    Let the parcel come back, and refund the payment.
    """

    shipment_id: UUID | None = None


class OrderBeingFulfilled(Problem, status=409, remembered=False, retry_after=1):
    """A fulfilment job is getting the order out.

    Wait for as long as Retry-After says and ask again: by then it has been shipped, or is free.
    """


async def pay(db: Connection, order_id: UUID, payment: CapturedPayment) -> Payable:
    """Raises NotFound, AmountMismatch, OrderNotPayable."""
    minor = to_minor(payment.amount, payment.currency)
    moved = await db.fetchrow(PAY, order_id, payment.payment_id, minor, payment.currency)
    order = payable.as_payable(moved) if moved else await payable.find(db, order_id)
    if (to_major(minor, payment.currency), payment.currency) != (order.total, order.currency):
        raise AmountMismatch(expected=order.total, currency=order.currency)
    if order.payment_id != payment.payment_id:
        raise OrderNotPayable(order_status=order.status, payment_id=order.payment_id)
    return order


async def refund(db: Connection, order_id: UUID, payment_id: UUID) -> Payable:
    """Raises NotFound, OrderNotRefundable, OrderBeingFulfilled."""
    moved = await db.fetchrow(REFUND, order_id, payment_id)
    order = payable.as_payable(moved) if moved else await payable.find(db, order_id)
    if order.payment_id != payment_id:
        raise OrderNotRefundable(order_status=order.status)
    if order.status != "refunded":
        raise OrderBeingFulfilled()
    return order


async def cancel(db: Connection, order_id: UUID, reason: str | None, owner: UUID | None) -> Order:
    """Raises NotFound, OrderShipped, OrderNotCancellable, OrderBeingFulfilled."""
    await db.execute(CANCEL, order_id, reason, owner, current().trace)
    order = await find(db, order_id, owner)
    if order.status == "fulfilled":
        raise OrderShipped(shipment_id=order.shipment_id)
    if order.status == "refunded":
        raise OrderNotCancellable()
    if order.status != "cancelled":
        raise OrderBeingFulfilled()
    return order
