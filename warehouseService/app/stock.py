"""The stock of a SKU: what is on hand, what of it is reserved, and how it came to be so.

Whatever changes what is on hand writes the movement in the same statement.
"""

from collections.abc import Iterable, Mapping, Sequence

from asyncpg import Record

from chassis import Connection, NotFound, Page, Preconditions, Problem, tag_of
from chassis.lists import decode, encode, page

from .schemas import MOST_ON_HAND, Adjustment, Movement, Stock

FIND = "SELECT * FROM warehouse.stock WHERE sku = $1"

# In the order asked.
FIND_THESE = """
SELECT stock.* FROM unnest($1::text[]) WITH ORDINALITY AS asked (sku, place)
  JOIN warehouse.stock USING (sku) ORDER BY place
"""

# In SKU order, as LOCK is: two counts that open the same SKUs queue instead of deadlocking.
OPEN = """
INSERT INTO warehouse.stock (sku, on_hand)
SELECT sku, 0 FROM unnest($1::text[]) AS asked (sku) ORDER BY sku
ON CONFLICT DO NOTHING
"""

HOLD = "SELECT updated_at FROM warehouse.stock WHERE sku = $1 FOR UPDATE"

# A statement of its own: the one that changes the rows then sees what the last holder left.
LOCK = "SELECT FROM warehouse.stock WHERE sku = ANY ($1) ORDER BY sku FOR UPDATE"

COUNT = """
WITH counted AS (
    UPDATE warehouse.stock
       SET on_hand = asked.quantity, tracked = true, updated_at = clock_timestamp()
      FROM unnest($1::text[], $2::bigint[]) AS asked (sku, quantity)
     WHERE stock.sku = asked.sku AND stock.reserved <= asked.quantity
    RETURNING stock.*, old.on_hand AS on_hand_before
), moved AS (
    INSERT INTO warehouse.movements (sku, delta, reason)
    SELECT sku, on_hand - on_hand_before, 'counted' FROM counted WHERE on_hand <> on_hand_before
)
SELECT * FROM counted
"""

# A SKU that is not tracked already is left as it is.
UNTRACK = """
UPDATE warehouse.stock
   SET tracked = false,
       updated_at = CASE WHEN tracked THEN clock_timestamp() ELSE updated_at END
 WHERE sku = $1
RETURNING *
"""

ADJUST = """
WITH adjusted AS (
    UPDATE warehouse.stock SET on_hand = on_hand + $2, updated_at = clock_timestamp()
     WHERE sku = $1 AND tracked AND on_hand + $2 BETWEEN reserved AND $4
    RETURNING *, old.updated_at AS before
), moved AS (
    INSERT INTO warehouse.movements (sku, delta, reason) SELECT sku, $2, $3 FROM adjusted
)
SELECT * FROM adjusted
"""

# Where the movements begin, newest first: none comes after it.
END_OF_JOURNAL = 2**63 - 1

MOVEMENTS = """
SELECT * FROM warehouse.movements
 WHERE sku = $1 AND movement_id < $3
 ORDER BY movement_id DESC LIMIT $2
"""


class BelowReserved(Problem, status=409, remembered=False):
    """There would be less on hand than is reserved.

    Release reservations first, or count again.
    """

    on_hand: int
    """What is present, reserved or not."""
    reserved: int
    """Promised to open reservations."""


class AboveMaximum(Problem, status=409, remembered=False):
    """There would be more on hand than a SKU can have.

    Count again: 1,000,000,000 at most.
    """

    on_hand: int
    """What is present, reserved or not."""


class StockNotTracked(Problem, status=409, remembered=False):
    """This SKU is not tracked: there is nothing to add to, or to take from.

    Set a quantity by PUT to begin to count it.
    """


def as_stock(row: Record) -> Stock:
    on_hand, reserved = row["on_hand"], row["reserved"]
    return Stock(
        sku=row["sku"],
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved,
        tracked=row["tracked"],
        updated_at=row["updated_at"],
    ).tagged(tag_of(row["updated_at"]))


def below_reserved(stock: Stock) -> BelowReserved:
    return BelowReserved(
        f"{stock.reserved} of {stock.sku} are reserved.",
        on_hand=stock.on_hand,
        reserved=stock.reserved,
    )


async def lock(db: Connection, skus: Iterable[str]) -> None:
    """Hold these rows until the unit of work ends, so that they can be decided on."""
    await db.execute(LOCK, list(skus))


async def find(db: Connection, sku: str) -> Stock:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, sku)
    if row is None:
        raise NotFound(f"There is no stock of {sku}.")
    return as_stock(row)


async def find_these(db: Connection, skus: Sequence[str]) -> list[Stock]:
    """In the order asked; those that are not known are left out."""
    return [as_stock(row) for row in await db.fetch(FIND_THESE, list(dict.fromkeys(skus)))]


async def count(db: Connection, quantities: Mapping[str, int]) -> dict[str, Stock]:
    """Set what is on hand, and track it. A SKU of which more than that is reserved is left as it
    is, and out."""
    skus = list(quantities)
    await db.execute(OPEN, skus)
    await lock(db, skus)
    rows = await db.fetch(COUNT, skus, list(quantities.values()))
    return {row["sku"]: as_stock(row) for row in rows}


async def open_one(db: Connection, sku: str, preconditions: Preconditions) -> None:
    """Make a row for it if there is none, and lock it. Raises PreconditionFailed."""
    opened = await db.execute(OPEN, [sku]) == "INSERT 0 1"
    changed_at = await db.fetchval(HOLD, sku)
    preconditions.check(None if opened else tag_of(changed_at))


async def count_one(db: Connection, sku: str, quantity: int) -> Stock:
    """Raises BelowReserved."""
    counted = await count(db, {sku: quantity})
    if sku not in counted:
        raise below_reserved(await find(db, sku))
    return counted[sku]


async def untrack(db: Connection, sku: str) -> Stock:
    """From now on there is always enough of it. Its row is there."""
    row = await db.fetchrow(UNTRACK, sku)
    assert row is not None
    return as_stock(row)


async def adjust(
    db: Connection, sku: str, adjustment: Adjustment, preconditions: Preconditions
) -> Stock:
    """Raises NotFound, StockNotTracked, BelowReserved, AboveMaximum, PreconditionFailed."""
    row = await db.fetchrow(ADJUST, sku, adjustment.delta, adjustment.reason, MOST_ON_HAND)
    if row is not None:
        preconditions.check(tag_of(row["before"]))
        return as_stock(row)
    standing = await find(db, sku)
    preconditions.check(standing.tag)
    if not standing.tracked:
        raise StockNotTracked()
    if adjustment.delta < 0:
        raise below_reserved(standing)
    raise AboveMaximum(f"There are {standing.on_hand} of {sku} on hand.", on_hand=standing.on_hand)


async def movements(db: Connection, sku: str, limit: int, cursor: str | None) -> Page[Movement]:
    """Newest first. Raises NotFound."""
    (before,) = decode(cursor, int) or [END_OF_JOURNAL]
    await find(db, sku)
    rows = await db.fetch(MOVEMENTS, sku, limit + 1, before)
    return page(rows, limit, as_movement, lambda row: encode(row["movement_id"]))


def as_movement(row: Record) -> Movement:
    return Movement.model_validate(dict(row))
