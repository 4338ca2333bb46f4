"""One cart and its items, open until an order takes it.

Every change moves the cart's version first. That locks the cart, so its items change one request
at a time, and a checkout that names an older version knows that it has missed something.
"""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Preconditions, Problem, to_major, to_minor

from .schemas import Cart, CartItem, Offer

MAX_LINES = 2000

# As FIND has an empty cart.
CREATE = """
INSERT INTO cart.carts (customer_id) VALUES ($1)
RETURNING cart_id, customer_id, status, order_id, version, updated_at, NULL AS sku
"""

# One statement, so that the version and the items are of one moment.
FIND = """
SELECT cart.cart_id, cart.customer_id, cart.status, cart.order_id, cart.version, cart.updated_at,
       line.sku, line.name, line.quantity, line.unit_price_minor, line.currency
  FROM cart.carts cart LEFT JOIN cart.cartlines line USING (cart_id)
 WHERE cart.cart_id = $1 AND cart.status <> 'deleted'
   AND ($2::uuid IS NULL OR cart.customer_id = $2)
 ORDER BY line.place
"""

CHANGE = """
UPDATE cart.carts SET version = version + 1, updated_at = clock_timestamp()
 WHERE cart_id = $1 AND status = 'open' AND ($2::uuid IS NULL OR customer_id = $2)
RETURNING old.version
"""

DELETE = """
UPDATE cart.carts
   SET status = 'deleted', customer_id = NULL, version = version + 1, updated_at = clock_timestamp()
 WHERE cart_id = $1 AND status = 'open' AND ($2::uuid IS NULL OR customer_id = $2)
RETURNING old.version
"""

CHECK_OUT = """
UPDATE cart.carts
   SET status = 'checked_out', order_id = $2, version = version + 1, updated_at = clock_timestamp()
 WHERE cart_id = $1 AND status = 'open' AND version = $3
   AND EXISTS (SELECT FROM cart.cartlines WHERE cart_id = $1)
RETURNING true
"""

# The cart first, made if there is none; then its line. One that was deleted is nobody's any more.
# Gives the version before, which is 0 where there was no cart.
ADD = """
WITH cart AS (
    INSERT INTO cart.carts (cart_id, customer_id) VALUES ($1, $7)
    ON CONFLICT (cart_id) DO UPDATE
       SET status = 'open', customer_id = coalesce($7, carts.customer_id),
           version = carts.version + 1, updated_at = clock_timestamp()
     WHERE carts.status <> 'checked_out'
       AND ($7::uuid IS NULL OR carts.customer_id = $7 OR carts.status = 'deleted')
    RETURNING cart_id, CASE WHEN old.status = 'open' THEN old.version ELSE 0 END AS before
)
INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency)
SELECT cart_id, $2, $3, $4, $5, $6 FROM cart
ON CONFLICT (cart_id, sku) DO UPDATE
   SET name = excluded.name, quantity = cartlines.quantity + excluded.quantity,
       unit_price_minor = excluded.unit_price_minor, currency = excluded.currency
 WHERE cartlines.quantity + excluded.quantity <= 999
RETURNING (SELECT before FROM cart)
"""

SET_QUANTITY = """
UPDATE cart.cartlines SET quantity = $3 WHERE cart_id = $1 AND sku = $2 RETURNING true
"""

REMOVE = "DELETE FROM cart.cartlines WHERE cart_id = $1 AND sku = $2 RETURNING true"

EMPTY = "DELETE FROM cart.cartlines WHERE cart_id = $1"


class CartCheckedOut(Problem, status=409):
    """An order has been made of this cart; it does not change any more.

    Go on with the order that order_id names, or begin another cart.
    """

    order_id: UUID


class CartChanged(Problem, status=409, remembered=False):
    """The cart has changed since it was read.

    Read the cart, and send the request again.
    """

    version: int | None = None
    """The version of the cart now."""


class CartEmpty(Problem, status=409, remembered=False):
    """A cart without items cannot be checked out.

    Add an item first.
    """


class CartFull(Problem, status=409, remembered=False):
    """A cart holds 2,000 different products at most.

    Order these, and put the others into another cart.
    """


class LineLimit(Problem, status=409, remembered=False):
    """A cart holds 999 of one product at most.

    Take fewer of what skus names.
    """

    skus: list[str]
    """The products that this is about."""


async def create(db: Connection, customer_id: UUID | None) -> Cart:
    return as_cart(await db.fetch(CREATE, customer_id))


async def find(db: Connection, cart_id: UUID, owner: UUID | None = None) -> Cart:
    """Raises NotFound, also for a cart that is not the owner's."""
    rows = await db.fetch(FIND, cart_id, owner)
    if not rows:
        raise NotFound(f"There is no cart {cart_id}.")
    return as_cart(rows)


async def add(
    db: Connection,
    cart_id: UUID,
    offer: Offer,
    quantity: int,
    owner: UUID | None,
    preconditions: Preconditions,
) -> Cart:
    """More of a product, at its price of now; makes the cart if there is none.

    Raises NotFound for another's cart, CartCheckedOut, LineLimit, CartFull, PreconditionFailed.
    """
    price = to_minor(offer.price, offer.currency)
    row = (cart_id, offer.sku, offer.name, quantity, price, offer.currency)
    before = await db.fetchval(ADD, *row, owner)
    cart = await bounded(db, cart_id, owner)
    if before is None:
        raise (
            CartCheckedOut(order_id=cart.order_id) if cart.order_id else LineLimit(skus=[offer.sku])
        )
    preconditions.check(str(before) if before else None)
    return cart


async def set_quantity(
    db: Connection,
    cart_id: UUID,
    sku: str,
    quantity: int,
    owner: UUID | None,
    preconditions: Preconditions,
) -> Cart:
    """Raises NotFound (the cart, or the item in it), CartCheckedOut, PreconditionFailed."""
    preconditions.check(await change(db, cart_id, owner))
    if not await db.fetchval(SET_QUANTITY, cart_id, sku, quantity):
        raise NotFound(f"The cart has no item {sku}.")
    return await find(db, cart_id)


async def remove(
    db: Connection, cart_id: UUID, sku: str, owner: UUID | None, preconditions: Preconditions
) -> Cart:
    """Raises NotFound (the cart, or the item in it), CartCheckedOut, PreconditionFailed."""
    preconditions.check(await change(db, cart_id, owner))
    if not await db.fetchval(REMOVE, cart_id, sku):
        raise NotFound(f"The cart has no item {sku}.")
    return await find(db, cart_id)


async def delete(
    db: Connection, cart_id: UUID, owner: UUID | None, preconditions: Preconditions
) -> None:
    """Raises NotFound, CartCheckedOut, PreconditionFailed."""
    before = await db.fetchval(DELETE, cart_id, owner)
    if before is None:
        raise await _why_not(db, cart_id, owner)
    preconditions.check(str(before))
    await db.execute(EMPTY, cart_id)


async def check_out(db: Connection, cart_id: UUID, order_id: UUID, version: int) -> Cart:
    """Close the cart for this order, if it is still at this version. Safe to repeat.

    Raises NotFound, CartCheckedOut (by another order), CartChanged, CartEmpty.
    """
    done = await db.fetchval(CHECK_OUT, cart_id, order_id, version)
    cart = await find(db, cart_id)
    if done or cart.order_id == order_id:
        return cart
    if cart.order_id is not None:
        raise CartCheckedOut(order_id=cart.order_id)
    if cart.version != version:
        raise CartChanged(version=cart.version)
    raise CartEmpty()


async def change(db: Connection, cart_id: UUID, owner: UUID | None) -> str:
    """Lock the cart, as of now one version further. Returns its tag before. Raises NotFound,
    CartCheckedOut."""
    before = await db.fetchval(CHANGE, cart_id, owner)
    if before is None:
        raise await _why_not(db, cart_id, owner)
    return str(before)


async def _why_not(db: Connection, cart_id: UUID, owner: UUID | None) -> Problem:
    """Why a cart would not change. Raises NotFound when there is none."""
    cart = await find(db, cart_id, owner)
    if cart.order_id is None:  # Made a moment ago, after we had looked.
        return NotFound(f"There is no cart {cart_id}.")
    return CartCheckedOut(order_id=cart.order_id)


async def bounded(db: Connection, cart_id: UUID, owner: UUID | None) -> Cart:
    """The cart after something was added. Raises NotFound, CartFull."""
    cart = await find(db, cart_id, owner)
    if len(cart.items) > MAX_LINES:
        raise CartFull()
    return cart


def as_cart(rows: Sequence[Record]) -> Cart:
    """A cart of its rows in FIND: one an item, or one without an item when it is empty."""
    cart, lines = rows[0], [row for row in rows if row["sku"] is not None]
    currencies = {line["currency"] for line in lines}
    currency = currencies.pop() if len(currencies) == 1 else None
    total = sum(line["quantity"] * line["unit_price_minor"] for line in lines)
    return Cart(
        cart_id=cart["cart_id"],
        customer_id=cart["customer_id"],
        status=cart["status"],
        order_id=cart["order_id"],
        items=[as_item(line) for line in lines],
        item_count=sum(line["quantity"] for line in lines),
        subtotal=to_major(total, currency) if currency else None,
        currency=currency,
        version=cart["version"],
        updated_at=cart["updated_at"],
    ).tagged(cart["version"])


def as_item(row: Record) -> CartItem:
    price, currency = row["unit_price_minor"], row["currency"]
    return CartItem(
        sku=row["sku"],
        name=row["name"],
        quantity=row["quantity"],
        unit_price=to_major(price, currency),
        currency=currency,
        line_total=to_major(price * row["quantity"], currency),
    )
