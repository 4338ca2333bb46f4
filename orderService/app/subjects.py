"""The personal data in orders: where they went, and what a canceller wrote."""

from typing import Any

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import orders

LIST = """
SELECT number, kind, subject,
       ARRAY (SELECT order_id FROM orders.orders WHERE customer_id = subject) AS things
  FROM orders.subject_requests
 WHERE number > $1 ORDER BY number LIMIT $2
"""

OF_CUSTOMER = f"{orders.SELECT} AND customer_id = $1 ORDER BY order_id"

# A function of the schema's owner: this service may write an address down, and never change one.
ERASE = "SELECT orders.erase($1)"


async def gather(db: Connection, request: SubjectRequest) -> list[Any]:
    rows = await db.fetch(OF_CUSTOMER, request.subject)
    return [orders.as_order(row).model_dump(mode="json") for row in rows]


async def erase(db: Connection, request: SubjectRequest) -> None:
    await db.execute(ERASE, request.subject)


HOLDER = Holder("order", "orders.subject_requests", gather, erase)


async def listed(db: Connection, after: int, limit: int) -> list[SubjectRequest]:
    """What was asked, oldest first, for those who hold something of an order."""
    return [SubjectRequest(**row) for row in await db.fetch(LIST, after, limit)]


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["customer"])
