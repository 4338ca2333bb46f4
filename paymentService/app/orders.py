"""The order behind a payment: what we ask its service, and what we tell it."""

from uuid import UUID

from asyncpg import Record

from chassis import Amount, Currency, Output, Page, Peer, Problem, may_touch, to_major, to_minor

from .schemas import NewPayment

# Those that are fulfilled and have no payment were shipped on invoice.
PAYABLE = frozenset({"pending", "fulfilled"})
KNOWN = PAYABLE | {"paid", "cancelled", "refunded"}

# Statuses in which an order never takes another payment: only then is the money given back.
FINAL = frozenset({"paid", "fulfilled", "cancelled", "refunded"})


class UnknownOrder(Problem, status=422):
    """There is no such order.

    Check order_id. An order of somebody else is not found either.
    """

    order_id: UUID


class UnknownOrderStatus(Problem, status=409, remembered=False):
    """The order is in a state that this service does not know.

    Nothing is done about it. Ask again once the service has been updated.
    """

    order_status: str
    """Where the order stands."""


class NothingToPay(Problem, status=409):
    """The order comes to nothing: there is nothing to pay.

    There is nothing to do: such an order is paid as soon as it is placed.
    """


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


class AlreadyPaid(Problem, status=409):
    """This order has its payment already.

    There is nothing to do: payment_id is its payment.
    """

    payment_id: UUID


class Order(Output):
    customer_id: UUID | None = None
    status: str
    total: Amount
    currency: Currency
    payment_id: UUID | None = None


class Refusal(Output):
    """The refusal of an order that does not take a payment."""

    order_status: str


class CancelledPayment(Output):
    payment_id: UUID
    # Of the request that cancelled the order.
    traceparent: str | None = None


async def check_payable(order_service: Peer, new: NewPayment) -> UUID | None:
    """Whose order it is.

    Raises UnknownOrder, UnknownOrderStatus, NothingToPay, AmountMismatch, AlreadyPaid,
    OrderNotPayable.
    """
    answer = await order_service.get(f"/orders/{new.order_id}/payable")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {new.order_id}.", order_id=new.order_id)
    if not answer.ok:
        raise answer.unexpected()
    order = answer.read(Order)
    if not may_touch(order.customer_id):
        raise UnknownOrder(f"There is no order {new.order_id}.", order_id=new.order_id)
    if order.status not in KNOWN:
        raise UnknownOrderStatus(order_status=order.status)
    if order.total == 0:
        raise NothingToPay()
    if (new.amount, new.currency) != (order.total, order.currency):
        expected = to_major(to_minor(order.total, order.currency), order.currency)
        raise AmountMismatch(expected=expected, currency=order.currency)
    if order.payment_id is not None and order.status in ("paid", "fulfilled"):
        raise AlreadyPaid(payment_id=order.payment_id)
    if order.status not in PAYABLE:
        raise OrderNotPayable(f"The order is {order.status}.", order_status=order.status)
    return order.customer_id


async def tell_captured(order_service: Peer, payment: Record) -> bool:
    """Make the order paid. False when it refuses: cancelled meanwhile, or paid otherwise."""
    body = {
        "payment_id": payment["payment_id"],
        "amount": to_major(payment["amount_minor"], payment["currency"]),
        "currency": payment["currency"],
    }
    answer = await order_service.put(f"/orders/{payment['order_id']}/payment", body)
    # The money is given back only for this problem, with a status that is known. After any other
    # trouble the order is told again.
    if answer.problem == "order-not-payable" and answer.read(Refusal).order_status in FINAL:
        return False
    answer.confirm(order_id=payment["order_id"])
    return True


async def tell_refunded(order_service: Peer, payment: Record) -> bool:
    """Make the order refunded. False while it is being fulfilled, and cannot be."""
    body = {"payment_id": payment["payment_id"]}
    answer = await order_service.put(f"/orders/{payment['order_id']}/refund", body)
    if answer.problem == "order-being-fulfilled":
        return False
    # It never took this payment: there is nothing for it to undo.
    if answer.problem != "order-not-refundable":
        answer.confirm(order_id=payment["order_id"])
    return True


async def cancelled_and_paid(
    order_service: Peer, cursor: str | None
) -> tuple[dict[UUID, str | None], str | None]:
    """The payments of orders that were cancelled after they were paid, each with the trace of that,
    and the next page."""
    answer = await order_service.get("/cancelled-payments", {"cursor": cursor} if cursor else None)
    if not answer.ok:
        raise answer.unexpected()
    page = answer.read(Page[CancelledPayment])
    return {each.payment_id: each.traceparent for each in page.items}, page.next_cursor
