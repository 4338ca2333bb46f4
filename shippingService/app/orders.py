"""What shipping asks of orders: whether one may be shipped and where to, and that it is shipped."""

from uuid import UUID

from chassis import Address, NewAddress, Output, Peer, Problem

from .claims import Claim

# An order of any other status is not shipped.
OPEN, OVER = ("pending", "paid"), ("fulfilled", "cancelled", "refunded")


class UnknownOrder(Problem, status=422):
    """There is no such order.

    Check order_id. An order of somebody else is not found either.
    """

    order_id: UUID


class OrderNotShippable(Problem, status=409):
    """Nothing of this order is shipped any more.

    Read the order: it is cancelled, refunded, or shipped by another parcel. Where there is a
    Retry-After, a fulfilment job is getting it out: ask again once that has ended.
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


class Order(Output):
    """`held` is whether a fulfilment job is getting it out, or has, and `promised_shipment_id` the
    parcel that this job makes."""

    customer_id: UUID | None = None
    status: str
    held: bool = False
    promised_shipment_id: UUID | None = None
    shipment_id: UUID | None = None
    shipping_address: Address | None = None


class Refusal(Output):
    """What orderService tells with a refusal."""

    order_status: str = "unknown"
    shipment_id: UUID | None = None


async def read(peer: Peer, order_id: UUID) -> Order:
    """Raises UnknownOrder, DependencyUnavailable."""
    answer = await peer.get(f"/orders/{order_id}/shippable")
    if answer.status == 404:
        raise UnknownOrder(f"There is no order {order_id}.", order_id=order_id)
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(Order)


def check(order: Order, address: NewAddress | None) -> None:
    """Whether a parcel may be made by hand, as far as the order shows it.

    Raises OrderNotShippable, AddressMissing, UnknownOrderStatus.
    """
    if order.status in OVER:
        raise over(order.status, order.shipment_id)
    if order.status not in OPEN:
        raise unknown(order.status)
    if order.held:
        raise being_fulfilled()
    if address is None and order.shipping_address is None:
        raise AddressMissing()


async def claim(peer: Peer, parcel: Claim) -> Order | Problem:
    """The order once it is shipped by this parcel; or why it never will be.

    Raises DependencyUnavailable while that is not known.
    """
    body = {"shipment_id": parcel.shipment_id, "has_address": parcel.address is not None}
    answer = await peer.put(f"/orders/{parcel.order_id}/parcel", body)
    if answer.status == 404:
        return UnknownOrder(f"There is no order {parcel.order_id}.", order_id=parcel.order_id)
    if answer.problem == "address-missing":
        return AddressMissing()
    if answer.problem == "order-not-fulfillable":
        refusal = answer.read(Refusal)
        return over(refusal.order_status, refusal.shipment_id)
    if answer.problem == "order-being-fulfilled":
        return being_fulfilled()
    answer.confirm(order_id=parcel.order_id, shipment_id=parcel.shipment_id)
    return answer.read(Order)


def over(status: str, shipment_id: UUID | None) -> OrderNotShippable:
    how = f"shipped, as {shipment_id}" if status == "fulfilled" else status
    members = {"order_status": status, "shipment_id": shipment_id}
    told = {name: value for name, value in members.items() if value is not None}
    return OrderNotShippable(f"The order is {how}.", **told)


def being_fulfilled() -> OrderNotShippable:
    problem = OrderNotShippable("A fulfilment job is getting the order out.")
    problem.remembered, problem.retry_after = False, 1
    return problem


def unknown(status: str) -> UnknownOrderStatus:
    return UnknownOrderStatus(f"The order is {status}.", order_status=status)
