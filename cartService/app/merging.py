"""Two carts into one, as when a visitor signs in."""

from uuid import UUID

from chassis import Connection, NotFound, Preconditions, Problem, invalid

from .carts import EMPTY, bounded, change
from .schemas import MergedCart

# The SKUs whose line would pass 999, in the order of this cart.
CAPPED = """
SELECT line.sku
  FROM cart.cartlines line JOIN cart.cartlines other USING (sku)
 WHERE line.cart_id = $1 AND other.cart_id = $2 AND line.quantity + other.quantity > 999
 ORDER BY line.place
"""

COPY = """
INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency)
SELECT $1, sku, name, quantity, unit_price_minor, currency
  FROM cart.cartlines WHERE cart_id = $2 ORDER BY place
ON CONFLICT (cart_id, sku) DO UPDATE
   SET quantity = least(cartlines.quantity + excluded.quantity, 999)
"""


class UnknownCart(Problem, status=422):
    """There is no cart with this id.

    Check cart_id. A cart of somebody else is not found either.
    """

    cart_id: UUID


async def merge(
    db: Connection,
    cart_id: UUID,
    from_cart_id: UUID,
    owner: UUID | None,
    preconditions: Preconditions,
) -> MergedCart:
    """Move the items of one cart into another, which keeps its own prices. A line is cut to 999,
    and `capped` names it.

    Raises NotFound, UnknownCart, CartCheckedOut, CartFull, InvalidRequest, PreconditionFailed.
    """
    if cart_id == from_cart_id:
        raise invalid("#/from_cart_id", "A cart cannot be merged into itself.")
    # In id order, so that two carts merged into each other queue instead of deadlocking.
    for each in sorted((cart_id, from_cart_id)):
        try:
            before = await change(db, each, owner)
        except NotFound:
            if each == cart_id:
                raise
            raise UnknownCart(cart_id=from_cart_id) from None
        if each == cart_id:
            preconditions.check(before)
    capped = [row["sku"] for row in await db.fetch(CAPPED, cart_id, from_cart_id)]
    await db.execute(COPY, cart_id, from_cart_id)
    await db.execute(EMPTY, from_cart_id)
    cart = await bounded(db, cart_id, owner)
    return MergedCart(**dict(cart), capped=capped).tagged(cart.tag)
