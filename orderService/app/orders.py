"""Orders as they are read. What moves them stands in moves.py, what makes them in drafts.py."""

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

from asyncpg import Record

from chassis import Address, Connection, NotFound, Page, to_major, trace_of
from chassis.lists import conditions, decode, encode, page

from .schemas import Entry, Order, OrderLine, Status

# Whether the customer of an order was erased: then nothing personal is written about it any more.
ERASED = """
EXISTS (SELECT FROM orders.subject_requests asked
         WHERE asked.subject = customer_id AND asked.kind = 'erasure')
"""

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

HEADS = """
SELECT placed.*,
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
LIST = HEADS + PAGE

# The lines of some orders, up to a limit, which may cut the last order short. Lines never change,
# so that they need not be read in one statement with the heads.
LINES = """
SELECT * FROM orders.order_lines WHERE order_id = ANY ($1) ORDER BY order_id DESC LIMIT $2
"""

# An order may have 2,000 lines, and a page 200 orders. A page ends early, before it is so long that
# writing it holds up other requests.
LINES_A_PAGE = 5000

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
    """Newest first; each filter that is None lets everything through.

    Fewer than `limit`, and yet not the last ones, where they have many lines.
    """
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
    heads = await db.fetch(query, *values)
    lines = await _lines(db, [head["order_id"] for head in heads[:limit]])
    return page(
        heads,
        len(lines),
        lambda head: as_order(head, lines[head["order_id"]]),
        lambda head: encode(head["order_id"]),
    )


async def _lines(db: Connection, order_ids: list[UUID]) -> dict[UUID, list[Record]]:
    """The lines of these orders, by order, newest first: of the first order, and of as many more as
    have LINES_A_PAGE together."""
    found: dict[UUID, list[Record]] = {}
    if not order_ids:
        return found
    rows = await db.fetch(LINES, order_ids, LINES_A_PAGE + 1)
    for row in rows:
        found.setdefault(row["order_id"], []).append(row)
    if len(rows) > LINES_A_PAGE:
        cut, _ = found.popitem()
        if not found:
            found[cut] = await db.fetch(LINES, [cut], None)
    return found


def as_order(row: Record, lines: Sequence[Record] | None = None) -> Order:
    """The order of a row, and of its `lines` where the row does not hold them."""
    lines = json.loads(row["lines"]) if lines is None else sorted(lines, key=itemgetter("place"))
    address = row["shipping_address"]
    return Order(
        **{name: row[name] for name in Order.model_fields if name in row}
        | {
            "lines": [as_line(line, row["currency"]) for line in lines],
            "total": to_major(row["total_minor"], row["currency"]),
            "shipping_address": Address.model_validate_json(address) if address else None,
            "history": [Entry.model_validate(entry) for entry in json.loads(row["history"])],
            "trace_id": trace_of(row["traceparent"]),
        }
    )


def as_line(line: Mapping[str, Any] | Record, currency: str) -> OrderLine:
    return OrderLine(
        sku=line["sku"],
        name=line["name"],
        quantity=line["quantity"],
        unit_price=to_major(line["unit_price_minor"], currency),
        line_total=to_major(line["line_total_minor"], currency),
    )
