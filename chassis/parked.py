"""What sweeps have tried often and in vain, for a person to look at, and to try anew.

It is tried on meanwhile, but seldom. Sweeps that park nothing have nothing to do with this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response

from .callers import admits
from .fields import Output, Timestamp
from .idempotency import OnceOnly
from .lists import DEFAULT_LIMIT, Cursor, Limit, Page, decode, encode, page
from .openapi import refusals
from .problems import NotFound
from .strict import Router

if TYPE_CHECKING:
    from .database import Connection
    from .sweeps import Sweep

LIST = """
SELECT * FROM ({}) parked WHERE ($2::uuid IS NULL OR item_id > $2) ORDER BY item_id LIMIT $1
"""

FIND = "SELECT * FROM ({}) parked WHERE item_id = $1"

router = Router(tags=["operations"])


@dataclass(frozen=True)
class Parked:
    """`rows` selects the parked ones: item_id, about, attempts, since and next_attempt_at.
    `retry` makes the one with the id $1 due at once, and as good as new."""

    rows: str
    retry: str


class ParkedItem(Output):
    """Work that waits. `about` says what it is, `since` when it began."""

    item_id: UUID
    """The id of the thing whose work waits."""
    sweep: str
    """Which sweep finishes it."""
    about: str
    """The work, in words."""
    attempts: int
    """How often it was tried."""
    since: Timestamp
    """When the work began."""
    next_attempt_at: Timestamp
    """When the sweep tries it again by itself."""


def as_item(row: Record) -> ParkedItem:
    return ParkedItem.model_validate(dict(row))


@router.get("/parked")
@admits("staff")
async def list_parked(
    request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ParkedItem]:
    """The oldest first: ids sort by time."""
    position = decode(cursor, UUID)
    query = LIST.format(_all(request.app.state.sweeps))
    after = position[0] if position else None
    rows = await request.app.state.database.fetch(query, limit + 1, after)
    return page(rows, limit, as_item, lambda row: encode(row["item_id"]))


@router.post("/parked/{item_id}/retry", response_model=ParkedItem, responses=refusals(NotFound))
@admits("staff")
async def retry(item_id: UUID, request: Request, once: OnceOnly) -> Response:
    """Have the sweep take it up at once, as if it were tried for the first time. Returns it as it
    was. 404 also for what is not parked any more."""
    async with once.unit_of_work() as db:
        item = await _find(db, request.app.state.sweeps, item_id)
        for sweep in request.app.state.sweeps:
            if sweep.parked and sweep.name == item.sweep:
                await db.execute(sweep.parked.retry, item_id)
        return await once.answer(db, 200, item)


async def _find(db: "Connection", sweeps: "Sequence[Sweep]", item_id: UUID) -> ParkedItem:
    row = await db.fetchrow(FIND.format(_all(sweeps)), item_id)
    if row is None:
        raise NotFound(f"Nothing is parked under {item_id}.")
    return as_item(row)


def _all(sweeps: "Sequence[Sweep]") -> str:
    """The parked rows of all sweeps, as one query; the names of sweeps are ours."""
    return " UNION ALL ".join(
        f"SELECT '{sweep.name}' AS sweep, of_one.* FROM ({sweep.parked.rows}) of_one"  # noqa: S608  # constants of the service
        for sweep in sweeps
        if sweep.parked
    )
