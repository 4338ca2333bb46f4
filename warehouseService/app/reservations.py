"""A reservation: a claim on goods, for all of its items or for none.

The reservation's own row is always taken before the stock rows, and those in SKU order: so
whichever of commit, release and expiry comes first wins, and none of them deadlocks.
"""

import json
from collections.abc import Mapping
from uuid import UUID

from asyncpg import Record

from chassis import Connection, Context, NotFound, Problem

from . import goods, limits
from .schemas import NewReservation, Reservation, ReservedItem

# Waits for a request with the same id that is still running.
CLAIM = """
INSERT INTO warehouse.reservations (reservation_id, order_id, status, expires_at, caller)
VALUES ($1, $2, 'held', now() + make_interval(secs => $3), $4)
ON CONFLICT DO NOTHING
RETURNING true
"""

# Expired from the instant that it names, not from when the sweep comes by.
FIND = """
SELECT reservation_id, order_id, expires_at, created_at, updated_at,
       CASE WHEN status = 'held' AND expires_at <= now() THEN 'expired' ELSE status END AS status,
       (SELECT jsonb_object_agg(sku, quantity) FROM warehouse.reservation_items item
         WHERE item.reservation_id = reservations.reservation_id) AS items
  FROM warehouse.reservations WHERE reservation_id = $1
"""

COMMIT = """
UPDATE warehouse.reservations SET status = 'committed', updated_at = clock_timestamp()
 WHERE reservation_id = $1 AND status = 'held' AND expires_at > now()
RETURNING true
"""

RELEASE = """
UPDATE warehouse.reservations SET status = 'released', updated_at = clock_timestamp()
 WHERE reservation_id = $1 AND status = 'held'
RETURNING true
"""

RETURN = """
UPDATE warehouse.reservations SET status = 'returned', updated_at = clock_timestamp()
 WHERE reservation_id = $1 AND status = 'committed'
RETURNING true
"""

EXPIRE = """
UPDATE warehouse.reservations SET status = 'expired', updated_at = clock_timestamp()
 WHERE reservation_id IN (
       SELECT reservation_id FROM warehouse.reservations
        WHERE status = 'held' AND expires_at <= now()
        ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)
RETURNING reservation_id
"""

# Within a minute: nobody has come for the goods yet.
EXPIRING = """
SELECT created_at FROM warehouse.reservations
 WHERE status = 'held' AND expires_at BETWEEN now() AND now() + interval '1 minute'
"""

OVERDUE = """
SELECT expires_at FROM warehouse.reservations WHERE status = 'held' AND expires_at < now()
"""

BURY = """
INSERT INTO warehouse.reservations (reservation_id, status) VALUES ($1, 'released')
ON CONFLICT DO NOTHING
RETURNING true
"""


class ReservationDiffers(Problem, status=409):
    """A reservation with this id stands, for other items.

    Choose a new id for a new reservation.
    """


class ReservationReleased(Problem, status=409):
    """This reservation was released.

    Reserve again, with a new id.
    """


class ReservationExpired(Problem, status=409):
    """This reservation has expired.

    Reserve again, with a new id.
    """


class ReservationReturned(Problem, status=409):
    """The goods of this reservation left, and came back.

    Reserve again, with a new id.
    """


class ReservationCommitted(Problem, status=409):
    """The goods of this reservation have left.

    Return it if the goods come back.
    """


class ReservationNotCommitted(Problem, status=409, remembered=False):
    """The goods of this reservation have not left, so they cannot come back.

    Release it instead.
    """


OVER: dict[str, type[Problem]] = {
    "released": ReservationReleased,
    "expired": ReservationExpired,
    "returned": ReservationReturned,
}


async def reserve(
    db: Connection, asked: NewReservation, who: str | None = None, most: int | None = None
) -> bool:
    """Hold stock for every item, or for none. True if newly held.

    `who` may hold `most` of them open. Safe to repeat: a reservation that stands already is left
    as it is. Raises InsufficientStock, TooManyReservations, ReservationDiffers, or what the
    reservation has come to.
    """
    quantities = asked.quantities()
    await limits.check(db, asked.reservation_id, who, most)
    claim = (asked.reservation_id, asked.order_id, asked.expires_in, who)
    if not await db.fetchval(CLAIM, *claim):
        must_stand(await find(db, asked.reservation_id), quantities)
        return False
    await goods.hold(db, asked.reservation_id, quantities)
    return True


def must_stand(standing: Reservation, quantities: Mapping[str, int]) -> None:
    if standing.status in OVER:
        raise OVER[standing.status]()
    if {item.sku: item.quantity for item in standing.items} != quantities:
        raise ReservationDiffers()


async def find(db: Connection, reservation_id: UUID) -> Reservation:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, reservation_id)
    if row is None:
        raise NotFound(f"There is no reservation {reservation_id}.")
    return as_reservation(row)


def as_reservation(row: Record) -> Reservation:
    quantities = json.loads(row["items"] or "{}")
    items = [ReservedItem(sku=sku, quantity=number) for sku, number in sorted(quantities.items())]
    return Reservation.model_validate({**row, "items": items})


async def commit(db: Connection, reservation_id: UUID) -> None:
    """The goods leave. Safe to repeat. Raises NotFound, or what the reservation has come to."""
    if await db.fetchval(COMMIT, reservation_id):
        await goods.send_out(db, reservation_id)
    elif (status := (await find(db, reservation_id)).status) in OVER:
        raise OVER[status]()


async def release(db: Connection, reservation_id: UUID) -> None:
    """Give the goods up, or see that they are. Safe to repeat. Raises ReservationCommitted,
    ReservationReturned.

    An id that is not known leaves a tombstone, so that a reserve that comes late holds nothing.
    """
    if await db.fetchval(BURY, reservation_id):
        return
    if await db.fetchval(RELEASE, reservation_id):
        await goods.let_go(db, [reservation_id])
        return
    status = (await find(db, reservation_id)).status
    if status == "committed":
        raise ReservationCommitted()
    if status == "returned":
        raise ReservationReturned()


async def take_back(db: Connection, reservation_id: UUID) -> None:
    """The goods are on hand again. Safe to repeat. Raises NotFound, ReservationNotCommitted,
    AboveMaximum."""
    if await db.fetchval(RETURN, reservation_id):
        await goods.take_back(db, reservation_id)
    elif (await find(db, reservation_id)).status != "returned":
        raise ReservationNotCommitted()


async def expire_due(context: Context) -> int:
    """Give up a batch of what is held for too long. Returns how many there were."""
    async with context.database.unit_of_work() as db:
        expired = [row["reservation_id"] for row in await db.fetch(EXPIRE)]
        if expired:
            await goods.let_go(db, expired)
    return len(expired)
