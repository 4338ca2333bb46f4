"""An order as far as payments and the ledger need it: its total and its status.

Its address and its lines are left out: neither service needs them.
"""

from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Page, to_major
from chassis.lists import NEWEST, decode, encode, page

from .schemas import CancelledPayment, Payable

FIND = """
SELECT order_id, customer_id, status, total_minor, currency, payment_id
  FROM orders.orders WHERE order_id = $1 AND status <> 'draft'
"""

CANCELLED = """
SELECT order_id, payment_id,
       (SELECT entry.traceparent FROM orders.order_history entry
         WHERE entry.order_id = placed.order_id AND entry.status = 'cancelled') AS traceparent
  FROM orders.orders placed
 WHERE status = 'cancelled' AND payment_id IS NOT NULL AND order_id < $2
 ORDER BY order_id DESC LIMIT $1
"""


async def find(db: Connection, order_id: UUID) -> Payable:
    """Raises NotFound, for a draft too."""
    row = await db.fetchrow(FIND, order_id)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return as_payable(row)


async def cancelled(db: Connection, limit: int, cursor: str | None) -> Page[CancelledPayment]:
    """The payments of orders that were cancelled after they were paid, newest first."""
    (before,) = decode(cursor, UUID) or [NEWEST]
    rows = await db.fetch(CANCELLED, limit + 1, before)
    return page(
        rows, limit, lambda row: CancelledPayment(**row), lambda row: encode(row["order_id"])
    )


def as_payable(row: Record) -> Payable:
    return Payable(
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        status=row["status"],
        total=to_major(row["total_minor"], row["currency"]),
        currency=row["currency"],
        payment_id=row["payment_id"],
    )
