"""Two carts into one, as when a visitor signs in."""

from uuid import UUID

from chassis import Connection, NotFound, Problem, invalid

from .carts import EMPTY, LineLimit, bounded, change
from .schemas import Cart

COPY = """
INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency)
SELECT $1, sku, name, quantity, unit_price_minor, currency
  FROM cart.cartlines WHERE cart_id = $2 ORDER BY place
ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = cartlines.quantity + excluded.quantity
 WHERE cartlines.quantity + excluded.quantity <= 999
RETURNING sku
"""


class UnknownCart(Problem, status=422):
    """There is no cart with this id."""


async def merge(db: Connection, cart_id: UUID, from_cart_id: UUID, owner: UUID | None) -> Cart:
    """Move the items of one cart into another, which keeps its own prices.

    Raises NotFound, UnknownCart, CartCheckedOut, LineLimit, CartFull, InvalidRequest.
    """
    if cart_id == from_cart_id:
        raise invalid("#/from_cart_id", "A cart cannot be merged into itself.")
    # In id order, so that two carts merged into each other queue instead of deadlocking.
    for each in sorted((cart_id, from_cart_id)):
        try:
            await change(db, each, owner)
        except NotFound:
            if each == cart_id:
                raise
            raise UnknownCart(cart_id=from_cart_id) from None
    merged = {row["sku"] for row in await db.fetch(COPY, cart_id, from_cart_id)}
    moved = {row["sku"] for row in await db.fetch(EMPTY, from_cart_id)}
    if too_many := moved - merged:
        raise LineLimit(skus=sorted(too_many))
    return await bounded(db, cart_id, owner)
