"""Getting an order out: one fulfilment job at a time holds the order while it does.

Until the job has shipped it, or lets go, the order can neither be cancelled nor refunded. Once
shipped, the hold stays as the record of who did it.
"""

from uuid import UUID

from chassis import Connection, Problem

from .moves import OrderBeingFulfilled
from .orders import find
from .schemas import JobClaim, JobShipment, Order

HOLD = """
UPDATE orders.orders SET fulfilment_job_id = $2, updated_at = clock_timestamp()
 WHERE order_id = $1 AND (status = 'paid' OR status = 'pending' AND NOT $3::boolean)
   AND fulfilment_job_id IS NULL AND $4 <> ALL (dropped_holds)
RETURNING true
"""

# Remembered in the order, so that a hold which is asked for late, after this, takes nothing.
LET_GO = """
UPDATE orders.orders
   SET fulfilment_job_id = nullif(fulfilment_job_id, $2),
       dropped_holds = array_append(dropped_holds, $3), updated_at = clock_timestamp()
 WHERE order_id = $1 AND status <> 'draft' AND $3 <> ALL (dropped_holds)
   AND (fulfilment_job_id IS DISTINCT FROM $2 OR status IN ('pending', 'paid'))
"""

DROPPED = "SELECT $2 = ANY (dropped_holds) FROM orders.orders WHERE order_id = $1"

SHIP = """
WITH moved AS (
    UPDATE orders.orders SET status = 'fulfilled', shipment_id = $3, updated_at = clock_timestamp()
     WHERE order_id = $1 AND fulfilment_job_id = $2 AND status IN ('pending', 'paid')
    RETURNING order_id, status
)
INSERT INTO orders.order_history (order_id, status) SELECT order_id, status FROM moved
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


class OrderNotHeld(Problem, status=409):
    """This fulfilment job does not hold the order.

    Begin another job, if the order is still to be shipped.
    """


def hold_name(job_id: UUID, round_: int) -> str:
    """A job that is tried anew holds the order anew; what it let go before stays let go."""
    return f"{job_id}/{round_}"


async def hold(db: Connection, order_id: UUID, new: JobClaim) -> Order:
    """Raises NotFound, OrderNotPaid, OrderNotFulfillable, OrderBeingFulfilled (another job),
    OrderNotHeld (this job has let it go)."""
    name = hold_name(new.job_id, new.round)
    await db.fetchval(HOLD, order_id, new.job_id, new.require_payment, name)
    order = await find(db, order_id)
    held = order.fulfilment_job_id == new.job_id
    if order.status in ("cancelled", "refunded") or (order.status == "fulfilled" and not held):
        raise OrderNotFulfillable(order_status=order.status)
    if held:
        return order
    if await db.fetchval(DROPPED, order_id, name):
        raise OrderNotHeld()
    if order.status == "pending" and new.require_payment:
        raise OrderNotPaid()
    raise OrderBeingFulfilled()


async def let_go(db: Connection, order_id: UUID, job_id: UUID, round_: int) -> None:
    """Give the order back, unless it is shipped or not held by this job. Raises NotFound."""
    if await db.execute(LET_GO, order_id, job_id, hold_name(job_id, round_)) == "UPDATE 0":
        await find(db, order_id)


async def ship(db: Connection, order_id: UUID, new: JobShipment) -> Order:
    """Raises NotFound, OrderNotHeld."""
    await db.execute(SHIP, order_id, new.job_id, new.shipment_id)
    order = await find(db, order_id)
    if (order.fulfilment_job_id, order.shipment_id) != (new.job_id, new.shipment_id):
        raise OrderNotHeld()
    return order
