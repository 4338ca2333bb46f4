"""What shipping asks of orders: whether this one may be shipped, and where to."""

from typing import Literal
from uuid import UUID

from chassis import Address, Output, Peer, Problem


class UnknownOrder(Problem, status=422):
    """There is no such order.

    Check order_id. An order of somebody else is not found either.
    """

    order_id: UUID


class OrderNotShippable(Problem, status=409):
    """Nothing of this order is shipped any more.

    Read the order: it is cancelled, refunded, or shipped by another parcel.
    """

    order_status: str


class Order(Output):
    customer_id: UUID | None = None
    # A status that is not known here is not believed to be shippable.
    status: Literal["pending", "paid", "fulfilled", "cancelled", "refunded"]
    shipping_address: Address | None = None


async def find_shippable(peer: Peer, order_id: UUID) -> Order:
    """Raises UnknownOrder, OrderNotShippable, DependencyUnavailable."""
    answer = await peer.get(f"/orders/{order_id}")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {order_id}.", order_id=order_id)
    if not answer.ok:
        raise answer.unexpected()
    order = answer.read(Order)
    if order.status in ("cancelled", "refunded"):
        raise OrderNotShippable(f"Order {order_id} is {order.status}.", order_status=order.status)
    return order
