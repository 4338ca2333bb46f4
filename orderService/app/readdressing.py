"""The address of an order, corrected before anything has been shipped to the old one."""

from uuid import UUID

from chassis import Address, Connection, NewAddress, Problem

from .moves import OrderBeingFulfilled, OrderShipped
from .orders import ERASED, find
from .schemas import Order, Status

# Not while a job holds it: the job's parcel goes where the order says.
READDRESS = f"""
UPDATE orders.orders SET shipping_address = $2, updated_at = clock_timestamp()
 WHERE order_id = $1 AND status IN ('pending', 'paid') AND fulfilment_job_id IS NULL
   AND ($3::uuid IS NULL OR customer_id = $3) AND NOT {ERASED}
RETURNING true
"""  # noqa: S608  # a constant of orders.py


class OrderNotChangeable(Problem, status=409):
    """The order is cancelled or refunded, or its customer was erased.

    It goes nowhere any more.
    """

    order_status: Status
    """Where the order stands."""


async def readdress(
    db: Connection, order_id: UUID, address: NewAddress, owner: UUID | None
) -> Order:
    """Raises NotFound, OrderShipped, OrderBeingFulfilled, OrderNotChangeable."""
    changed = await db.fetchval(READDRESS, order_id, Address.of(address).model_dump_json(), owner)
    order = await find(db, order_id, owner)
    if changed:
        return order
    if order.shipment_id is not None:
        raise OrderShipped(shipment_id=order.shipment_id)
    if order.fulfilment_job_id is not None:
        raise OrderBeingFulfilled()
    raise OrderNotChangeable(order_status=order.status)
