"""Placing an order, across the cart's service and ours:

    1  read the customer, the cart and the products    quotes.quote
    2  write the order down as a draft                 drafts.draw_up
    3  close the cart for it, at the version read      close_cart
    4  the draft is an order, paid if of nothing       drafts.confirm
       or, when the cart is not to be had, it is not   drafts.discard

Cut off before 2, nothing has happened. Cut off later, the draft tells whoever comes next where to
go on: the same request again, another one for the same cart, or the sweep.
"""

import asyncio
from uuid import UUID

from prometheus_client import Counter
from starlette.responses import Response

from chassis import Context, Database, Once, Peer, Problem, may_touch, resumed

from . import drafts, limits, orders
from .drafts import Draft
from .quotes import CartCheckedOut, Quote, UnknownCart, UnknownCustomer, quote
from .schemas import NewOrder
from .views import CheckedOutView

# Counted once it is committed, as all such figures are: a process that dies in between tells less.
PLACED = Counter("orders_placed_total", "Orders made of carts.")

# Each start takes two turns: one draws the draft up, the next one closes the cart.
TURNS = 2 * 4


class CartChanged(Problem, status=409, remembered=False, retry_after=1):
    """The cart has changed since it was read.

    Read the cart, and send the request again.
    """

    version: int | None = None
    """The version of the cart now."""


async def place(context: Context, once: Once, new: NewOrder) -> Response:
    """Make the one order of this cart, or go on with what an earlier request began.

    Raises CartCheckedOut when it is another request's, CartChanged, what `quote` raises, and
    DependencyUnavailable; the draft may stay then, to be finished later.
    """
    database, peers = context.database, context.peers
    if not may_touch(new.customer_id):
        raise UnknownCustomer(customer_id=new.customer_id)
    mine: UUID | None = None
    for _ in range(TURNS):
        draft = await drafts.of_cart(database, new.cart_id)
        if draft is None:
            try:
                quoted = await quote(peers, new)
            except Problem as met:
                # For good, and yet not the key's answer while a draft of its own may stand.
                if mine or not met.remembered or not (mine := await once.recall()):
                    raise
                continue
            most = context.settings.most_of_a_sku
            mine = await draw_up(database, once, mine, quoted, most)
            continue
        if not may_touch(draft.customer_id):
            raise UnknownCart(cart_id=new.cart_id)
        mine = mine or await once.recall()
        if refusal := await close_cart(peers["cart"], draft):
            await drafts.discard(database, draft.order_id)
            if draft.order_id == mine and not isinstance(refusal, CartChanged):
                raise refusal
        elif draft.order_id == mine:
            return await conclude(once, draft, database)
        else:
            PLACED.inc(await drafts.confirm(database, draft.order_id))
            raise CartCheckedOut(order_id=draft.order_id)
    raise CartChanged()


async def draw_up(
    database: Database, once: Once, began: UUID | None, new: Quote, most: int | None
) -> UUID:
    """Claim the key and write the draft, in one unit of work. `began` is what the key began
    before, and was discarded.

    Returns the order that is the key's now. It need not stand: somebody else's may have come
    first, and the next turn finds that. Raises QuantityLimit.
    """
    async with database.unit_of_work() as db:
        order_id: UUID = await db.fetchval("SELECT uuidv7()")
        earlier = await once.claim(db, order_id)
        if earlier not in (None, began):
            return earlier
        if earlier and (now := await once.reassign(db, earlier, order_id)) != order_id:
            return now
        await limits.check(db, new, most)
        await drafts.draw_up(db, order_id, new)
        return order_id


async def close_cart(carts: Peer, draft: Draft) -> Problem | None:
    """None when the cart is closed for this order; else why it never will be.

    Raises DependencyUnavailable while that is not known.
    """
    if draft.placed:
        return None
    closing = {"order_id": draft.order_id, "version": draft.cart_version}
    answer = await carts.put(f"/carts/{draft.cart_id}/checkout", closing)
    if answer.status == 404:
        return UnknownCart(cart_id=draft.cart_id)
    if answer.problem == "cart-checked-out":
        return CartCheckedOut(order_id=answer.read(CheckedOutView).order_id)
    if answer.problem == "cart-changed":
        return CartChanged()
    answer.confirm(cart_id=draft.cart_id)
    return None


async def conclude(once: Once, draft: Draft, database: Database) -> Response:
    async with database.unit_of_work() as db:
        placed = await drafts.confirm(db, draft.order_id)
        order = await orders.find(db, draft.order_id)
        response = await once.created(db, order, f"/orders/{order.order_id}")
    PLACED.inc(placed)
    return response


async def finish_drafts(context: Context) -> int:
    """The sweep: what was cut off between drawing up and confirming is finished, or discarded.

    Raises what the first of them met, once all have been tried.
    """
    due = await drafts.take_due(context.database)
    outcomes = await asyncio.gather(
        *(finish(context, each) for each in due), return_exceptions=True
    )
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
    return len(due)


async def finish(context: Context, draft: Draft) -> None:
    with resumed("drafts", draft.traceparent):
        if await close_cart(context.peers["cart"], draft):
            await drafts.discard(context.database, draft.order_id)
        else:
            PLACED.inc(await drafts.confirm(context.database, draft.order_id))
