"""Claims on an order by parcels that were made by hand.

shippingService writes the parcel down first, then claims the order for it. A claim is decided once:
a repeated claim gets the same answer, however late it comes. So a refused parcel can be discarded.
"""

from uuid import UUID

from chassis import Address, Connection, NotFound

from .fulfilment import AddressMissing, OrderNotFulfillable
from .moves import OrderBeingFulfilled
from .schemas import ParcelClaim, Shippable

CLAIM = """
WITH moved AS (
    UPDATE orders.orders SET status = 'fulfilled', shipment_id = $2, updated_at = clock_timestamp()
     WHERE order_id = $1 AND status IN ('pending', 'paid') AND fulfilment_job_id IS NULL
       AND ($3::boolean OR shipping_address IS NOT NULL)
       AND $2::uuid::text <> ALL (dropped_holds)
    RETURNING order_id, status
)
INSERT INTO orders.order_history (order_id, status) SELECT order_id, status FROM moved
"""

# Only of an order that could still be claimed later: no other status leads back to these two.
REFUSE = """
UPDATE orders.orders SET dropped_holds = array_append(dropped_holds, $2::uuid::text)
 WHERE order_id = $1 AND status IN ('pending', 'paid') AND $2::uuid::text <> ALL (dropped_holds)
"""

TO_SHIP = """
SELECT order_id, customer_id, status, shipping_address, shipment_id, promised_shipment_id,
       fulfilment_job_id IS NOT NULL AS held
  FROM orders.orders WHERE order_id = $1 AND status <> 'draft'
"""


async def find(db: Connection, order_id: UUID) -> Shippable:
    """The order as far as a parcel needs it. Raises NotFound."""
    row = await db.fetchrow(TO_SHIP, order_id)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    address = row["shipping_address"]
    parsed = Address.model_validate_json(address) if address else None
    return Shippable.model_validate({**row, "shipping_address": parsed})


async def claim(db: Connection, order_id: UUID, new: ParcelClaim) -> Shippable:
    """The order as it is once it is fulfilled by this parcel.

    Raises NotFound, OrderNotFulfillable, AddressMissing, OrderBeingFulfilled.
    """
    if await db.execute(CLAIM, order_id, new.shipment_id, new.has_address) != "INSERT 0 1":
        await db.execute(REFUSE, order_id, new.shipment_id)
    order = await find(db, order_id)
    if order.shipment_id == new.shipment_id:
        return order
    if order.status not in ("pending", "paid"):
        raise OrderNotFulfillable(order_status=order.status, shipment_id=order.shipment_id)
    if not order.held and not new.has_address and order.shipping_address is None:
        raise AddressMissing()
    raise OrderBeingFulfilled()
