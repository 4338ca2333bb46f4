"""What an older version left of orders and payments is brought to today's rules."""

import asyncio
from typing import Any

from conftest import run_sql
from fleet.services import ROOT
from tests.upgrade.test_upgrade import EMPTY, HERE, apply, session
from tests.upgrade.test_upgrade import database as database

OLD = HERE / "0.1.0"

# An order of nothing, as it once waited for a payment of nothing.
WAITING = (
    """
    INSERT INTO orders.orders
           (order_id, customer_id, cart_id, cart_version, currency, total_minor)
    VALUES (uuidv7(), uuidv7(), uuidv7(), 1, 'EUR', 0);
    INSERT INTO orders.order_lines
           (order_id, sku, place, name, quantity, unit_price_minor, line_total_minor)
    SELECT order_id, 'GIFT', 1, 'A gift', 1, 0, 0 FROM orders.orders
    """,
    "UPDATE orders.orders SET status = 'pending'",
    "INSERT INTO orders.order_history (order_id, status)"
    " SELECT order_id, status FROM orders.orders",
)


async def come_forward(database: str, service: str, *rows: str) -> None:
    await run_sql(database, *EMPTY)
    await apply(database, OLD, [service])
    await run_sql(database, *rows)
    await apply(database, ROOT, [service])


async def found(database: str, query: str) -> list[Any]:
    async with session(database) as db:
        return [tuple(row) for row in await db.fetch(query)]


def test_order_of_nothing_that_waited_is_paid(database: str) -> None:
    asyncio.run(come_forward(database, "orderService", *WAITING))
    query = "SELECT status, payment_id FROM orders.orders"
    assert asyncio.run(found(database, query)) == [("paid", None)]
    query = "SELECT status FROM orders.order_history ORDER BY at"
    assert asyncio.run(found(database, query)) == [("pending",), ("paid",)]


PAYMENTS = """
INSERT INTO payment.payments
       (order_id, status, amount_minor, refunded_minor, currency, token, created_at, updated_at)
SELECT uuidv7(), status, 100, 0, 'EUR', token, '2026-01-01 12:00+02', '2026-01-02'
  FROM (VALUES ('processing', 'tok_ok'), ('captured', NULL), ('declined', NULL)) old (status, token)
"""
HISTORY = """
SELECT status, jsonb_path_query_array(history, '$.status')::text,
       (history -> 0 ->> 'at')::timestamptz = created_at
       AND (history -> -1 ->> 'at')::timestamptz IN (created_at, updated_at)
  FROM payment.payments ORDER BY status
"""


def test_payments_get_the_history_that_is_known(database: str) -> None:
    asyncio.run(come_forward(database, "paymentService", PAYMENTS))
    assert asyncio.run(found(database, HISTORY)) == [
        ("captured", '["processing", "captured"]', True),
        ("declined", '["processing", "declined"]', True),
        ("processing", '["processing"]', True),
    ]
