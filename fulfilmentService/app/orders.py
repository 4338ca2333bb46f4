"""What fulfilment asks of an order before it begins a job."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Output, Peer, Problem

# No job is begun for an order of any other status.
KNOWN = ("pending", "paid", "fulfilled", "cancelled", "refunded")


class UnknownOrder(Problem, status=422):
    """There is no such order.

    Check order_id. An order of somebody else is not found either.
    """

    order_id: UUID


class OrderNotPaid(Problem, status=409, remembered=False):
    """The order is not paid yet.

    Pay the order first.
    """


class OrderNotFulfillable(Problem, status=409):
    """The order cannot be shipped any more.

    Read the order: it is cancelled, refunded, or shipped already.
    """

    order_status: str | None = None
    """Where the order stands."""
    shipment_id: UUID | None = None


class AddressMissing(Problem, status=409, remembered=False):
    """The order has no address to go to.

    Give it one by PATCH /orders/{order_id}, and ask again.
    """


class UnknownOrderStatus(Problem, status=409, remembered=False):
    """The order is in a state that this service does not know.

    Nothing is done about it. Ask again once the service has been updated.
    """

    order_status: str
    """Where the order stands."""


class Line(Output):
    sku: str
    quantity: Annotated[int, Field(ge=1, le=999)]


class Order(Output):
    order_id: UUID
    status: str
    shipment_id: UUID | None = None
    has_address: bool
    lines: list[Line]


async def read(peer: Peer, order_id: UUID) -> Order:
    """Raises UnknownOrder, DependencyUnavailable."""
    answer = await peer.get(f"/orders/{order_id}/fulfillable")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {order_id}.", order_id=order_id)
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(Order)


def check(order: Order, *, require_payment: bool) -> None:
    """Raises OrderNotPaid, OrderNotFulfillable, AddressMissing, UnknownOrderStatus. One that is
    fulfilled passes: its job answers."""
    if order.status not in KNOWN:
        raise UnknownOrderStatus(f"The order is {order.status}.", order_status=order.status)
    if order.status in ("cancelled", "refunded"):
        raise not_fulfillable(order.status, order.shipment_id)
    if order.status == "pending" and require_payment:
        raise OrderNotPaid()
    if not order.has_address and order.status != "fulfilled":
        raise AddressMissing()


def not_fulfillable(status: str, shipment_id: UUID | None) -> OrderNotFulfillable:
    if shipment_id is None:
        return OrderNotFulfillable(f"The order is {status}.", order_status=status)
    detail = f"The order is {status}, shipped as {shipment_id}."
    return OrderNotFulfillable(detail, order_status=status, shipment_id=shipment_id)
