"""What a reservation does to the stock of its items. The caller has the reservation's own row."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import CheckViolationError

from chassis import Connection, Output, Problem

from .stock import AboveMaximum, lock

HOLD = """
WITH held AS (
    UPDATE warehouse.stock SET reserved = reserved + asked.quantity, updated_at = clock_timestamp()
      FROM unnest($2::text[], $3::bigint[]) AS asked (sku, quantity)
     WHERE stock.sku = asked.sku AND tracked AND on_hand - reserved >= asked.quantity
    RETURNING stock.sku, asked.quantity, true
), never_short AS (
    SELECT sku, quantity, false
      FROM unnest($2::text[], $3::bigint[]) AS asked (sku, quantity)
      JOIN warehouse.stock USING (sku)
     WHERE NOT tracked
)
INSERT INTO warehouse.reservation_items (reservation_id, sku, quantity, counted)
SELECT $1, taken.* FROM (TABLE held UNION ALL TABLE never_short) taken
RETURNING sku
"""

SHORTAGES = """
SELECT asked.sku, asked.quantity AS requested, coalesce(on_hand - reserved, 0) AS available
  FROM unnest($1::text[], $2::bigint[]) AS asked (sku, quantity)
  LEFT JOIN warehouse.stock USING (sku)
 ORDER BY asked.sku
"""

# In SKU order, as everywhere.
LOCK_ALL_OF = """
SELECT FROM warehouse.stock
 WHERE sku IN (SELECT sku FROM warehouse.reservation_items WHERE reservation_id = ANY ($1))
 ORDER BY sku FOR UPDATE
"""

LET_GO = """
UPDATE warehouse.stock SET reserved = reserved - freed.quantity, updated_at = clock_timestamp()
  FROM (SELECT sku, sum(quantity) AS quantity FROM warehouse.reservation_items
         WHERE reservation_id = ANY ($1) AND counted GROUP BY sku) AS freed
 WHERE stock.sku = freed.sku
"""

SEND_OUT = """
WITH sent AS (
    UPDATE warehouse.stock
       SET on_hand = on_hand - item.quantity, reserved = reserved - item.quantity,
           updated_at = clock_timestamp()
      FROM warehouse.reservation_items item
     WHERE item.reservation_id = $1 AND item.counted AND stock.sku = item.sku
    RETURNING stock.sku, item.quantity
)
INSERT INTO warehouse.movements (sku, delta, reason, reference)
SELECT sku, -quantity, 'shipped', $1 FROM sent
"""

TAKE_BACK = """
WITH taken AS (
    UPDATE warehouse.stock SET on_hand = on_hand + item.quantity, updated_at = clock_timestamp()
      FROM warehouse.reservation_items item
     WHERE item.reservation_id = $1 AND item.counted AND stock.sku = item.sku
    RETURNING stock.sku, item.quantity
)
INSERT INTO warehouse.movements (sku, delta, reason, reference)
SELECT sku, quantity, 'returned', $1 FROM taken
"""


class Shortage(Output):
    """So many were asked for, and so many are there."""

    sku: str
    requested: int
    """How many were asked for."""
    available: int
    """On hand and not reserved."""


class InsufficientStock(Problem, status=409, remembered=False):
    """There is not enough in stock.

    Take fewer, or wait for more: shortages names what is short, and how much there is.
    """

    shortages: list[Shortage]
    """What is short, and how much there is."""


async def hold(db: Connection, reservation_id: UUID, quantities: Mapping[str, int]) -> None:
    """Count these quantities as reserved, where the SKU is tracked.

    Raises InsufficientStock, naming each that is short.
    """
    skus, numbers = list(quantities), list(quantities.values())
    await lock(db, skus)
    held = {row["sku"] for row in await db.fetch(HOLD, reservation_id, skus, numbers)}
    if held != quantities.keys():
        missing = {sku: quantities[sku] for sku in skus if sku not in held}
        raise InsufficientStock(shortages=await shortages(db, missing))


async def shortages(db: Connection, missing: Mapping[str, int]) -> list[dict[str, Any]]:
    rows = await db.fetch(SHORTAGES, list(missing), list(missing.values()))
    return [dict(row) for row in rows]


async def let_go(db: Connection, reservation_ids: Sequence[UUID]) -> None:
    """No longer reserved: others may have them."""
    await db.execute(LOCK_ALL_OF, reservation_ids)
    await db.execute(LET_GO, reservation_ids)


async def send_out(db: Connection, reservation_id: UUID) -> None:
    """No longer reserved, and no longer on hand."""
    await db.execute(LOCK_ALL_OF, [reservation_id])
    await db.execute(SEND_OUT, reservation_id)


async def take_back(db: Connection, reservation_id: UUID) -> None:
    """On hand again. Raises AboveMaximum."""
    await db.execute(LOCK_ALL_OF, [reservation_id])
    try:
        await db.execute(TAKE_BACK, reservation_id)
    except CheckViolationError:
        raise AboveMaximum() from None
