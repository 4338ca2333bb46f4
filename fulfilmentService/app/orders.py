"""What fulfilment asks of an order before it begins a job."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Output, Peer, Problem


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


class Line(Output):
    sku: str
    quantity: Annotated[int, Field(ge=1, le=999)]


class Order(Output):
    order_id: UUID
    status: str
    lines: list[Line]


async def read(peer: Peer, order_id: UUID) -> Order:
    """Raises UnknownOrder, DependencyUnavailable."""
    answer = await peer.get(f"/orders/{order_id}")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {order_id}.", order_id=order_id)
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(Order)


def check(order: Order, *, require_payment: bool) -> None:
    """Raises OrderNotPaid, OrderNotFulfillable. One that is fulfilled passes: its job answers."""
    if order.status in ("cancelled", "refunded"):
        raise OrderNotFulfillable(f"The order is {order.status}.", order_status=order.status)
    if order.status == "pending" and require_payment:
        raise OrderNotPaid()
