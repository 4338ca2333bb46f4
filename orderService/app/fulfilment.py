"""Getting an order out: one fulfilment job at a time holds the order while it does.

Until the job has shipped it, or lets go, the order is neither cancelled nor refunded, goes nowhere
else, and is shipped by nobody else. Once shipped, the hold stays as the record of who did it.
"""

import json
from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Problem

from .moves import OrderBeingFulfilled
from .schemas import Fulfillable, JobClaim, JobShipment, OrderStanding

HOLD = """
UPDATE orders.orders
   SET fulfilment_job_id = $2, promised_shipment_id = $5, updated_at = clock_timestamp()
 WHERE order_id = $1 AND (status = 'paid' OR status = 'pending' AND NOT $3::boolean)
   AND fulfilment_job_id IS NULL AND $4 <> ALL (dropped_holds) AND shipping_address IS NOT NULL
RETURNING order_id, status, fulfilment_job_id, shipment_id
"""

# Remembered in the order, so that a hold which is asked for late, after this, takes nothing.
LET_GO = """
UPDATE orders.orders
   SET fulfilment_job_id = nullif(fulfilment_job_id, $2),
       promised_shipment_id =
           CASE WHEN fulfilment_job_id IS DISTINCT FROM $2 THEN promised_shipment_id END,
       dropped_holds = array_append(dropped_holds, $3), updated_at = clock_timestamp()
 WHERE order_id = $1 AND status <> 'draft' AND $3 <> ALL (dropped_holds)
   AND (fulfilment_job_id IS DISTINCT FROM $2 OR status IN ('pending', 'paid'))
"""

SHIP = """
WITH moved AS (
    UPDATE orders.orders SET status = 'fulfilled', shipment_id = $3, updated_at = clock_timestamp()
     WHERE order_id = $1 AND fulfilment_job_id = $2 AND status IN ('pending', 'paid')
    RETURNING order_id, status, fulfilment_job_id, shipment_id
), noted AS (
    INSERT INTO orders.order_history (order_id, status) SELECT order_id, status FROM moved
)
SELECT * FROM moved
"""

STANDING = """
SELECT order_id, status, fulfilment_job_id, shipment_id,
       shipping_address IS NOT NULL AS has_address, $2 = ANY (dropped_holds) AS dropped
  FROM orders.orders WHERE order_id = $1 AND status <> 'draft'
"""

TO_FULFIL = """
SELECT order_id, status, shipment_id, shipping_address IS NOT NULL AS has_address,
       (SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity) ORDER BY place)
          FROM orders.order_lines line WHERE line.order_id = placed.order_id) AS lines
  FROM orders.orders placed WHERE order_id = $1 AND status <> 'draft'
"""


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


class OrderNotHeld(Problem, status=409):
    """This fulfilment job does not hold the order.

    Begin another job, if the order is still to be shipped.
    """


def hold_name(job_id: UUID, round_: int) -> str:
    """A job that is tried anew holds the order anew; what it let go before stays let go."""
    return f"{job_id}/{round_}"


async def needed(db: Connection, order_id: UUID) -> Fulfillable:
    """The order as far as a fulfilment job needs it. Raises NotFound."""
    row = await db.fetchrow(TO_FULFIL, order_id)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return Fulfillable.model_validate({**row, "lines": json.loads(row["lines"])})


async def hold(
    db: Connection, order_id: UUID, new: JobClaim, *, require_payment: bool
) -> OrderStanding:
    """Raises NotFound, OrderNotPaid, OrderNotFulfillable, AddressMissing, OrderBeingFulfilled
    (another job), OrderNotHeld (this job has let it go)."""
    name = hold_name(new.job_id, new.round)
    held = await db.fetchrow(HOLD, order_id, new.job_id, require_payment, name, new.shipment_id)
    if held is not None:
        return as_standing(held)
    row = await _standing(db, order_id, name)
    order = as_standing(row)
    ours = order.fulfilment_job_id == new.job_id
    if order.status in ("cancelled", "refunded") or (order.status == "fulfilled" and not ours):
        raise OrderNotFulfillable(order_status=order.status, shipment_id=order.shipment_id)
    if ours:
        return order
    if row["dropped"]:
        raise OrderNotHeld()
    if order.fulfilment_job_id is not None:
        raise OrderBeingFulfilled()
    if order.status == "pending" and require_payment:
        raise OrderNotPaid()
    if not row["has_address"]:
        raise AddressMissing()
    raise OrderBeingFulfilled()


async def let_go(db: Connection, order_id: UUID, job_id: UUID, round_: int) -> None:
    """Give the order back, unless it is shipped or not held by this job. Raises NotFound."""
    if await db.execute(LET_GO, order_id, job_id, hold_name(job_id, round_)) == "UPDATE 0":
        await _standing(db, order_id)


async def ship(db: Connection, order_id: UUID, new: JobShipment) -> OrderStanding:
    """Raises NotFound, OrderNotHeld."""
    moved = await db.fetchrow(SHIP, order_id, new.job_id, new.shipment_id)
    order = as_standing(moved or await _standing(db, order_id))
    if (order.fulfilment_job_id, order.shipment_id) != (new.job_id, new.shipment_id):
        raise OrderNotHeld()
    return order


async def _standing(db: Connection, order_id: UUID, hold: str = "") -> Record:
    row = await db.fetchrow(STANDING, order_id, hold)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return row


def as_standing(row: Record) -> OrderStanding:
    return OrderStanding.model_validate(dict(row))
