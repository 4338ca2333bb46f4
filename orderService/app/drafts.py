"""An order before it is one: written down first, so that whoever finds it can finish it.

A draft is not shown to anybody. It becomes an order when its cart is closed for it, and is
discarded when the cart cannot be. Both can be tried by anyone, any number of times: the cart is
closed at one version, for one order, so all who ask hear the same.
"""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from chassis import Connection, Parked
from chassis.context import current

from .quotes import Quote

OF_CART = """
SELECT order_id, customer_id, cart_id, cart_version, status, traceparent
  FROM orders.orders WHERE cart_id = $1
"""

DRAW_UP = """
WITH draft AS (
    INSERT INTO orders.orders
           (order_id, customer_id, cart_id, cart_version, currency, total_minor, shipping_address,
            traceparent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (cart_id) DO NOTHING
    RETURNING order_id
)
INSERT INTO orders.order_lines
       (order_id, place, sku, name, quantity, unit_price_minor, line_total_minor)
SELECT order_id, line.*
  FROM draft, unnest($9::int[], $10::text[], $11::text[], $12::int[], $13::bigint[], $14::bigint[])
           AS line
"""

# An order of 0.00 is paid at once; its history has `pending` and `paid`.
CONFIRM = """
WITH placed AS (
    UPDATE orders.orders
       SET status = CASE total_minor WHEN 0 THEN 'paid' ELSE 'pending' END,
           updated_at = clock_timestamp()
     WHERE order_id = $1 AND status = 'draft'
    RETURNING order_id, status, updated_at
)
INSERT INTO orders.order_history (order_id, status, at)
SELECT order_id, 'pending', updated_at FROM placed
UNION ALL
SELECT order_id, status, updated_at + interval '1 microsecond' FROM placed WHERE status = 'paid'
"""

DISCARD = "DELETE FROM orders.orders WHERE order_id = $1 AND status = 'draft'"

# Lease and back-off in one: 2, 4, 8, then 10 seconds, a quarter more or less.
TAKE_DUE = """
UPDATE orders.orders
   SET attempts = attempts + 1,
       next_attempt_at = now() + interval '1 second' * (0.75 + random() / 2)
                               * least(10, 2 ^ least(attempts + 1, 4))
 WHERE order_id IN (
    SELECT order_id FROM orders.orders
     WHERE status = 'draft' AND next_attempt_at <= now()
     ORDER BY next_attempt_at LIMIT 20 FOR UPDATE SKIP LOCKED)
RETURNING order_id, customer_id, cart_id, cart_version, status, traceparent
"""

UNFINISHED = "SELECT created_at FROM orders.orders WHERE status = 'draft' ORDER BY next_attempt_at"

# After so many attempts, more than a minute of them, somebody should look.
PARKED = Parked(
    rows="""
    SELECT order_id AS item_id, 'the draft of an order, from cart ' || cart_id AS about,
           attempts, created_at AS since, next_attempt_at
      FROM orders.orders WHERE status = 'draft' AND attempts >= 12
    """,
    retry="""
    UPDATE orders.orders SET attempts = 0, next_attempt_at = now()
     WHERE order_id = $1 AND status = 'draft'
    """,
)


@dataclass(frozen=True)
class Draft:
    """What is needed to finish an order, or to see that it is finished."""

    order_id: UUID
    customer_id: UUID
    cart_id: UUID
    cart_version: int
    placed: bool
    traceparent: str | None


def as_draft(row: Record) -> Draft:
    return Draft(
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        cart_id=row["cart_id"],
        cart_version=row["cart_version"],
        placed=row["status"] != "draft",
        traceparent=row["traceparent"],
    )


async def of_cart(db: Connection, cart_id: UUID) -> Draft | None:
    """The one order of this cart, a draft or placed."""
    row = await db.fetchrow(OF_CART, cart_id)
    return as_draft(row) if row else None


async def draw_up(db: Connection, order_id: UUID, quote: Quote) -> None:
    """Write the order down, unless the cart has got another one meanwhile."""
    address = quote.address.model_dump_json() if quote.address else None
    head = (quote.customer_id, quote.cart_id, quote.cart_version, quote.currency)
    rows = [
        (place, line.sku, line.name, line.quantity, line.unit_price_minor, line.total_minor)
        for place, line in enumerate(quote.lines, start=1)
    ]
    lines = (list(column) for column in zip(*rows, strict=True))
    tail = (quote.total_minor, address, current().trace)
    await db.execute(DRAW_UP, order_id, *head, *tail, *lines)


async def confirm(db: Connection, order_id: UUID) -> bool:
    """The cart is closed for this draft: it is an order. Safe to repeat; true the first time."""
    return await db.execute(CONFIRM, order_id) != "INSERT 0 0"


async def discard(db: Connection, order_id: UUID) -> None:
    """The cart is not to be had for this draft. Safe to repeat."""
    await db.execute(DISCARD, order_id)


async def take_due(db: Connection) -> list[Draft]:
    """Drafts that somebody has left lying; nobody else is given them for a while."""
    return [as_draft(row) for row in await db.fetch(TAKE_DUE)]
