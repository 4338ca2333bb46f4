"""What the payment provider says, which is not ours to believe of ourselves."""

from uuid import UUID

import asyncpg

KEPT = """
SELECT coalesce((SELECT sum(charge.amount_minor) FROM payment.sandbox_charges charge
                   JOIN payment.payments USING (payment_id)
                  WHERE order_id = $1 AND outcome = 'captured'), 0)
     - coalesce((SELECT sum(refund.amount_minor) FROM payment.sandbox_refunds refund
                   JOIN payment.payments USING (payment_id) WHERE order_id = $1), 0)
"""

CAPTURES = """
SELECT count(*) FROM payment.sandbox_charges JOIN payment.payments USING (payment_id)
 WHERE order_id = $1 AND outcome = 'captured'
"""


async def kept(books: asyncpg.Pool, order_id: str) -> int:
    """Minor units that were taken for an order and not given back."""
    return int(await books.fetchval(KEPT, UUID(order_id)))


async def captures(books: asyncpg.Pool, order_id: str) -> int:
    """How often money was taken for an order."""
    return int(await books.fetchval(CAPTURES, UUID(order_id)))
