"""What orderService asks of carts."""

from uuid import UUID

from chassis import Db, Router, refusals

from . import carts
from .carts import CartChanged, CartCheckedOut, CartEmpty
from .schemas import Cart, Checkout

router = Router(tags=["internal"])


@router.put("/carts/{cart_id}/checkout", responses=refusals(CartChanged, CartCheckedOut, CartEmpty))
async def check_out(cart_id: UUID, checkout: Checkout, db: Db) -> Cart:
    """Close the cart for an order, if it is still as the order saw it. Safe to repeat."""
    return await carts.check_out(db, cart_id, checkout.order_id, checkout.version)
