"""Orders as they are read. What moves them stands in moves.py, what makes them in drafts.py."""

import json
from typing import Any
from uuid import UUID

from asyncpg import Record

from chassis import Address, Connection, NotFound, Page, to_major, trace_of
from chassis.lists import conditions, decode, encode, page

from .schemas import Entry, Order, OrderLine, Status

# One statement, so that the status, the lines and the history are of one moment.
SELECT = """
SELECT placed.*,
       (SELECT json_agg(line ORDER BY place)
          FROM orders.order_lines line WHERE line.order_id = placed.order_id) AS lines,
       (SELECT json_agg(entry ORDER BY at)
          FROM orders.order_history entry WHERE entry.order_id = placed.order_id) AS history
  FROM orders.orders placed
 WHERE status <> 'draft'
"""

FIND = f"{SELECT} AND order_id = $1 AND ($2::uuid IS NULL OR customer_id = $2)"

# The ids first, which an index tells alone. Asked for whole rows, the planner rather passes by all
# orders, the newest first, until enough have the status; few may. The limit is a number here, for a
# cached plan takes any other for a tenth of the table.
PAGE = """
   AND order_id IN (SELECT order_id FROM orders.orders WHERE status <> 'draft' {conditions}
                     ORDER BY order_id DESC LIMIT {limit})
 ORDER BY order_id DESC
"""
LIST = SELECT + PAGE

PAID = {None: "", True: " AND payment_id IS NOT NULL", False: " AND payment_id IS NULL"}


async def find(db: Connection, order_id: UUID, owner: UUID | None = None) -> Order:
    """Raises NotFound, for a draft too, and for one that is not the owner's."""
    row = await db.fetchrow(FIND, order_id, owner)
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return as_order(row)


async def listed(
    db: Connection,
    customer_id: UUID | None,
    status: Status | None,
    paid: bool | None,
    limit: int,
    cursor: str | None,
    owner: UUID | None,
) -> Page[Order]:
    """Newest first; each filter that is None lets everything through."""
    position = decode(cursor, UUID)
    where, values = conditions(
        {
            "customer_id = {}": customer_id,
            "orders.customer_id = {}": owner,
            "status = {}": status,
            "order_id < {}": position[0] if position else None,
        },
        first=1,
    )
    query = LIST.format(conditions=where + PAID[paid], limit=limit + 1)
    rows = await db.fetch(query, *values)
    return page(rows, limit, as_order, lambda row: encode(row["order_id"]))


def as_order(row: Record) -> Order:
    address = row["shipping_address"]
    return Order(
        **{name: row[name] for name in Order.model_fields if name in row}
        | {
            "lines": [as_line(line, row["currency"]) for line in json.loads(row["lines"])],
            "total": to_major(row["total_minor"], row["currency"]),
            "shipping_address": Address.model_validate_json(address) if address else None,
            "history": [Entry.model_validate(entry) for entry in json.loads(row["history"])],
            "trace_id": trace_of(row["traceparent"]),
        }
    )


def as_line(line: dict[str, Any], currency: str) -> OrderLine:
    return OrderLine(
        sku=line["sku"],
        name=line["name"],
        quantity=line["quantity"],
        unit_price=to_major(line["unit_price_minor"], currency),
        line_total=to_major(line["line_total_minor"], currency),
    )
