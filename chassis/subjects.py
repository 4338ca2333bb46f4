"""What people ask about their personal data, carried along the graph: each service that holds some
reads it from the peer that it calls anyway, does its part, and lets its own callers read it.

    erasure   what is held of the subject is blanked, and once more for a while: a request that was
              under way when it came may write something just after
    export    what is held of the subject is handed to the peer, who passes it on

Requests are numbered, and a number is never seen before a smaller one; so the highest number that
is written down here tells what has been done, and to do it twice harms nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from .app import Context
from .database import Connection
from .fields import Output
from .peers import Peer

DONE = "SELECT coalesce(max(number), 0) FROM {table}"

# Of two replicas at once, the second waits for the first one's number, and finds it done.
WRITE_DOWN = """
INSERT INTO {table} (number, kind, subject, things) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING true
"""

YOUNG = """
SELECT number, kind, subject, things FROM {table}
 WHERE kind = 'erasure' AND created_at > now() - interval '2 minutes'
"""

Number = Annotated[int, Field(ge=1, lt=2**63)]
Kind = Literal["erasure", "export"]


class SubjectRequest(Output):
    """`things` are the ids of what the service that says this holds of the subject."""

    number: Number
    kind: Kind
    subject: UUID
    things: list[UUID] = Field(default_factory=list)


class SubjectRequests(Output):
    items: list[SubjectRequest]


@dataclass(frozen=True)
class Holder:
    """One service's part: its name, its table of requests, and how it gathers and erases."""

    name: str
    table: str
    gather: Callable[[Connection, SubjectRequest], Awaitable[Any]]
    erase: Callable[[Connection, SubjectRequest], Awaitable[None]]

    async def follow(self, context: Context, peer: Peer) -> int:
        """The sweep: do what was asked since the last time. Returns how much that was."""
        done = await context.database.fetchval(DONE.format(table=self.table))
        answer = await peer.get("/subject-requests", {"after": str(done)})
        if not answer.ok:
            raise answer.unexpected()
        asked = answer.read(SubjectRequests).items
        for request in asked:
            await self._answer(context, peer, request)
        for row in await context.database.fetch(YOUNG.format(table=self.table)):
            await self.erase(context.database, SubjectRequest(**row))
        return len(asked)

    async def _answer(self, context: Context, peer: Peer, request: SubjectRequest) -> None:
        if request.kind == "export":
            held = {"held": await self.gather(context.database, request)}
            told = await peer.put(f"/subject-requests/{request.number}/{self.name}", held)
            if not told.ok:
                raise told.unexpected()
        row = (request.number, request.kind, request.subject, request.things)
        async with context.database.unit_of_work() as db:
            newly = await db.fetchval(WRITE_DOWN.format(table=self.table), *row)
            if newly and request.kind == "erasure":
                await self.erase(db, request)
