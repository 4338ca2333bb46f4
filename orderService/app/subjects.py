"""The personal data in orders: where they went, and what a canceller wrote."""

from typing import Any
from uuid import UUID

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import orders

# As many requests as fit into an answer: a customer may have very many orders.
LIST = """
SELECT number, kind, subject, things FROM (
    SELECT *, sum(cardinality(things)) OVER (ORDER BY number) - cardinality(things) AS before
      FROM (SELECT number, kind, subject, ARRAY (
                       SELECT order_id FROM orders.orders WHERE customer_id = subject) AS things
              FROM orders.subject_requests WHERE number > $1 ORDER BY number LIMIT $2) AS asked
) AS counted
 WHERE before < 50000 ORDER BY number
"""

# A page is bounded by its order lines. Drafts are erased, too.
AFTER = """
SELECT order_id FROM (
    SELECT order_id, sum(lines) OVER (ORDER BY order_id) - lines AS before FROM (
        SELECT order_id, (SELECT count(*) FROM orders.order_lines line
                           WHERE line.order_id = placed.order_id) AS lines
          FROM orders.orders placed
         WHERE customer_id = $1 AND order_id > $2 ORDER BY order_id LIMIT 100) AS next
) AS counted
 WHERE before < 2000 ORDER BY order_id
"""

OF_IDS = f"{orders.SELECT} AND order_id = ANY ($1) ORDER BY order_id"

# A function of the schema's owner: it blanks what this service may not change.
ERASE = "SELECT orders.erase_orders($1)"


async def after(db: Connection, request: SubjectRequest, done_to: UUID) -> list[UUID]:
    return [row["order_id"] for row in await db.fetch(AFTER, request.subject, done_to)]


async def gather(db: Connection, order_ids: list[UUID]) -> list[Any]:
    rows = await db.fetch(OF_IDS, order_ids)
    return [orders.as_order(row).model_dump(mode="json") for row in rows]


async def erase(db: Connection, order_ids: list[UUID]) -> None:
    await db.execute(ERASE, order_ids)


HOLDER = Holder("order", "orders.subject_requests", after, gather, erase)


async def listed(db: Connection, number: int, limit: int) -> list[SubjectRequest]:
    """The requests after this number, oldest first, for services that hold data about orders."""
    return [SubjectRequest(**row) for row in await db.fetch(LIST, number, limit)]


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["customer"])
