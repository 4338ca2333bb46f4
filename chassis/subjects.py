"""What people ask about their personal data, carried along the graph: each service that holds some
reads it from the peer that it calls anyway, does its part, and lets its own callers read it.

    erasure   what is held of the subject is blanked, and again for a while: a request that was
              under way when it came may write something just after
    export    what is held of the subject is handed to the peer, who passes it on

Requests are numbered, and a number is never seen before a smaller one; so the highest number that
is written down here tells what is known. A request stays open until it is done. Each open request
is done a page at a time, so that a large one does not stop the others; one that fails is tried
again later.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from asyncpg import Record
from pydantic import Field

from .app import Context
from .database import Connection
from .fields import Flag, Input, Output
from .logs import log
from .parked import Parked
from .peers import Peer
from .problems import Problem

# An export is given up after so many failures, about a minute. It stays parked, for people to see.
TRIES = 6

# Sorts before the id of any thing.
BEGINNING = UUID(int=0)

KNOWN = "SELECT coalesce(max(number), 0) FROM {table}"

WRITE_DOWN = """
INSERT INTO {table} (number, kind, subject, things, open) VALUES ($1, $2, $3, $4, true)
ON CONFLICT DO NOTHING
"""

# Erasures first. The next attempt is pushed into the future at once: lease and back-off in one.
TAKE = """
UPDATE {table}
   SET attempts = attempts + 1,
       next_attempt_at = now() + make_interval(secs => 1 + least(power(2, attempts), 300))
 WHERE number IN (
     SELECT number FROM {table}
      WHERE open AND next_attempt_at <= now() AND (kind = 'erasure' OR attempts < 6)
      ORDER BY kind, next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED)
RETURNING *
"""

# Unless another replica has done it meanwhile.
NEXT_PAGE = """
UPDATE {table} SET page = page + 1, done_to = $3, attempts = 0, next_attempt_at = now()
 WHERE number = $1 AND done_to IS NOT DISTINCT FROM $2
"""

# An erasure is done again after as long as it is old, for two minutes.
FINISH = """
UPDATE {table}
   SET page = 0, done_to = NULL, attempts = 0,
       open = kind = 'erasure' AND created_at > now() - interval '2 minutes',
       next_attempt_at = greatest(now() + (now() - created_at), now() + interval '1 second')
 WHERE number = $1 AND done_to IS NOT DISTINCT FROM $2
"""

# Named by their subject: of several exports of one, each is tried again.
PARKED = """
SELECT subject AS item_id, kind || ' ' || number || ' of personal data' AS about, attempts,
       created_at AS since, next_attempt_at
  FROM {table} WHERE open AND attempts >= 6
"""

RETRY = """
UPDATE {table} SET attempts = 0, next_attempt_at = now()
 WHERE subject = $1 AND open AND attempts >= 6
"""

Number = Annotated[int, Field(ge=1, lt=2**63)]
Kind = Literal["erasure", "export"]


class SubjectRequest(Output):
    """`things` are the ids of what the service that says this holds of the subject."""

    number: Number
    """Requests are numbered in the order in which they were made."""
    kind: Kind
    """Whether the data is to be erased or exported."""
    subject: UUID
    """The id of the customer whom the request is about."""
    things: list[UUID] = Field(default_factory=list)
    """The ids of what the service holds of the subject."""


class SubjectRequests(Output):
    items: list[SubjectRequest]
    """Requests in the order of their numbers."""


class ExportPart(Input):
    """One page of the personal data that a service holds of a customer. Its texts are passed on as
    they were kept, and not validated again."""

    held: Annotated[list[dict[str, Any]], Field(max_length=100_000)]
    """The customer's things, as the service holds them."""
    page: Annotated[int, Field(strict=True, ge=0, lt=2**31)] = 0
    """The number of this page, from 0 on."""
    last: Flag = True
    """Whether this is the last page."""


@dataclass(frozen=True)
class Holder:
    """One service's part: its name, its table of requests, and how it reads and erases.

    `after` returns the ids of the next page of things after a given one, in order; none at the end.
    `gather` returns the personal data of these things, `erase` blanks it.
    """

    name: str
    table: str
    after: Callable[[Connection, SubjectRequest, UUID], Awaitable[list[UUID]]]
    gather: Callable[[Connection, list[UUID]], Awaitable[list[Any]]]
    erase: Callable[[Connection, list[UUID]], Awaitable[None]]

    @property
    def parked(self) -> Parked:
        return Parked(PARKED.format(table=self.table), RETRY.format(table=self.table))

    async def follow(self, context: Context, peer: Peer) -> int:
        """The sweep: do one page of each open request, then write down the new requests. Returns
        how many pages were done and requests written down."""
        rows = await context.database.fetch(TAKE.format(table=self.table))
        done = sum([await self._tried(context, peer, row) for row in rows])
        return done + await self._write_down(context.database, peer)

    async def _write_down(self, db: Connection, peer: Peer) -> int:
        known = await db.fetchval(KNOWN.format(table=self.table))
        answer = await peer.get("/subject-requests", {"after": str(known)})
        if not answer.ok:
            raise answer.unexpected()
        asked = answer.read(SubjectRequests).items
        for each in asked:
            row = (each.number, each.kind, each.subject, each.things)
            await db.execute(WRITE_DOWN.format(table=self.table), *row)
        return len(asked)

    async def _tried(self, context: Context, peer: Peer, row: Record) -> bool:
        """Whether a page was done. A failure is logged, and does not stop the other requests."""
        request = SubjectRequest.model_validate(dict(row))
        try:
            await self._do_page(context.database, peer, request, row)
        except Exception as error:
            expected = isinstance(error, Problem | OSError | TimeoutError)
            given_up = request.kind == "export" and row["attempts"] >= TRIES
            log.warning(
                "personal data: given up" if given_up else "personal data: failed",
                kind=request.kind,
                number=request.number,
                attempts=row["attempts"],
                why=str(error),
                exc_info=None if expected else error,
            )
            return False
        return True

    async def _do_page(
        self, db: Connection, peer: Peer, request: SubjectRequest, row: Record
    ) -> None:
        things = await self.after(db, request, row["done_to"] or BEGINNING)
        more = bool(things and await self.after(db, request, things[-1]))
        if request.kind == "erasure":
            await self.erase(db, things)
        else:
            held = await self.gather(db, things)
            part = {"held": held, "page": row["page"], "last": not more}
            told = await peer.put(f"/subject-requests/{request.number}/{self.name}", part)
            if not told.ok:
                raise told.unexpected()
        if more:
            query = NEXT_PAGE.format(table=self.table)
            await db.execute(query, request.number, row["done_to"], things[-1])
        else:
            await db.execute(FINISH.format(table=self.table), request.number, row["done_to"])
