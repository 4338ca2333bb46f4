"""Carts over HTTP."""

from uuid import UUID

from starlette.responses import Response

from chassis import (
    Db,
    OnceOnly,
    PeersOf,
    PreconditionsOf,
    Router,
    Sku,
    admits,
    invalid,
    may_touch,
    owner,
    refusals,
)

from . import carts
from .carts import CartCheckedOut, CartFull, LineLimit
from .merging import UnknownCart, merge
from .offers import UnknownSku, offer_of
from .schemas import Cart, ItemQuantity, MergedCart, Merger, NewCart, NewItem

router = Router(tags=["carts"])


@router.post("/carts", status_code=201, response_model=Cart)
@admits("customer", "staff")
async def create_cart(once: OnceOnly, new: NewCart | None = None) -> Response:
    """For the customer who is named, or for a visitor."""
    async with once.unit_of_work() as db:
        cart = await carts.create(db, _whose(new.customer_id if new else None))
        return await once.created(db, cart, f"/carts/{cart.cart_id}")


@router.get("/carts/{cart_id}")
@admits("customer", "staff", services=("order",))
async def read_cart(cart_id: UUID, db: Db) -> Cart:
    """Its items with the prices of when each was added."""
    return await carts.find(db, cart_id, owner())


@router.delete("/carts/{cart_id}", status_code=204, responses=refusals(CartCheckedOut))
@admits("customer", "staff")
async def delete_cart(cart_id: UUID, db: Db, preconditions: PreconditionsOf) -> None:
    """Not once an order has been made of it."""
    async with db.unit_of_work() as work:
        await carts.delete(work, cart_id, owner(), preconditions)


@router.post(
    "/carts/{cart_id}/items",
    response_model=Cart,
    responses=refusals(UnknownSku, CartCheckedOut, LineLimit, CartFull),
)
@admits("customer", "staff")
async def add_item(
    cart_id: UUID, new: NewItem, once: OnceOnly, peers: PeersOf, preconditions: PreconditionsOf
) -> Response:
    """Adds to the item if there is one; makes the cart, under this id, if there is none."""
    offer = await offer_of(peers["product_catalogue"], new.sku)
    async with once.unit_of_work() as db:
        cart = await carts.add(db, cart_id, offer, new.quantity, owner(), preconditions)
        return await once.answer(db, 200, cart)


@router.put("/carts/{cart_id}/items/{sku}", responses=refusals(CartCheckedOut))
@admits("customer", "staff")
async def set_quantity(
    cart_id: UUID, sku: Sku, item: ItemQuantity, db: Db, preconditions: PreconditionsOf
) -> Cart:
    """The price stays the one that the item was added at."""
    async with db.unit_of_work() as work:
        return await carts.set_quantity(work, cart_id, sku, item.quantity, owner(), preconditions)


@router.delete("/carts/{cart_id}/items/{sku}", responses=refusals(CartCheckedOut))
@admits("customer", "staff")
async def remove_item(cart_id: UUID, sku: Sku, db: Db, preconditions: PreconditionsOf) -> Cart:
    """The cart stays, also when nothing is left in it."""
    async with db.unit_of_work() as work:
        return await carts.remove(work, cart_id, sku, owner(), preconditions)


@router.post(
    "/carts/{cart_id}/merge",
    response_model=MergedCart,
    responses=refusals(UnknownCart, CartCheckedOut, CartFull),
)
@admits("customer", "staff")
async def merge_carts(
    cart_id: UUID, merger: Merger, once: OnceOnly, preconditions: PreconditionsOf
) -> Response:
    """The other cart's items join this one, and the other is left empty. A line that would pass 999
    is cut to 999; `capped` names it."""
    async with once.unit_of_work() as db:
        cart = await merge(db, cart_id, merger.from_cart_id, owner(), preconditions)
        return await once.answer(db, 200, cart)


def _whose(asked: UUID | None) -> UUID | None:
    """A customer's cart is theirs, whether they say so or not. Raises InvalidRequest."""
    if asked is not None and not may_touch(asked):
        raise invalid("#/customer_id", "A customer makes carts for themselves only.")
    return owner() or asked
