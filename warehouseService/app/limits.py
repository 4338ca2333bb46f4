"""How many reservations one caller may hold open: goods that are held are sold to nobody else.

Services that show their token, and peers while nobody has to, hold what customers have bought.
"""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from chassis import Connection, Problem, turns
from chassis.rates import caller

# Two of one caller's count one after the other.
TURNS = "warehouse.warehouse_turns"

# The one that is asked for may stand already: it is not one more.
OPEN = """
SELECT count(*) FROM warehouse.reservations
 WHERE caller = $1 AND status = 'held' AND expires_at > now() AND reservation_id <> $2
"""


class TooManyReservations(Problem, status=409, remembered=False, retry_after=60):
    """This caller holds as many open reservations as one may.

    Commit or release some first.
    """

    limit: int
    """The largest number of open reservations of a caller."""


async def _who(request: Request) -> str | None:
    """Who reserves, told apart but not told; None for whoever is not limited."""
    who = caller(request.scope)
    if who is None or who.startswith("peer "):
        return None
    return hashlib.blake2b(who.encode(), digest_size=16).hexdigest()


Who = Annotated[str | None, Depends(_who)]


async def check(db: Connection, reservation_id: UUID, who: str | None, most: int | None) -> None:
    """In the unit of work that reserves. Raises TooManyReservations."""
    if most is None or who is None:
        return
    await turns.take(db, TURNS, who)
    if await db.fetchval(OPEN, who, reservation_id) >= most:
        raise TooManyReservations(limit=most)
