"""What the ledger asks of orders: whether there is one, where it stands, and what it comes to."""

from uuid import UUID

from chassis import Amount, Currency, Output, Peer, Problem

# An order of each of these may be charged: the ledger records what has happened.
KNOWN = frozenset({"pending", "paid", "fulfilled", "cancelled", "refunded"})


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


class Order(Output):
    status: str
    total: Amount
    currency: Currency


async def find(peer: Peer, order_id: UUID) -> Order:
    """Raises UnknownOrder, DependencyUnavailable."""
    answer = await peer.get(f"/orders/{order_id}/payable")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {order_id}.", order_id=order_id)
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(Order)
