"""Idempotency keys: one key, one effect, and the same bytes again.

The key, a fingerprint of the body and the answer are written as the last thing in the unit of work
that has the effect, so a crash keeps all of them or none. Of two requests with the same key the
second one waits there for the first, undoes what it did itself, and sends the first one's answer.
Where the work spans calls, the key is claimed before, with the id of what is being made; whoever
repeats it goes on from there.

What is remembered: successes, and refusals that time will not lift. Never a 5xx, never a
malformed request. Keys live for two days.
"""

import hashlib
import json
import re
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Header
from pydantic import AfterValidator, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from .context import owner
from .database import Connection, Database
from .preconditions import Tagged
from .problems import Problem, invalid_header
from .queues import Queue

REPLAYED = "Idempotent-Replayed"

# The row is the lock: a second request with the key waits here, or at KEEP, until the first one's
# unit of work has ended.
CLAIM = """
INSERT INTO {table} (scope, key, fingerprint, resource_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING true
"""

RECALL = """
SELECT fingerprint, resource_id, status, headers, body
  FROM {table} WHERE scope = $1 AND key = $2
"""

# Writes over a row that was claimed and has no answer yet, never over an answer.
KEEP = """
INSERT INTO {table} AS kept (scope, key, fingerprint, resource_id, status, headers, body)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (scope, key) DO UPDATE
   SET status = excluded.status, headers = excluded.headers, body = excluded.body
 WHERE kept.status IS NULL AND kept.fingerprint = excluded.fingerprint
RETURNING true
"""

# Of two requests with the key that do this at once, the second one waits here, and is too late.
REASSIGN = """
UPDATE {table} SET resource_id = $4
 WHERE scope = $1 AND key = $2 AND status IS NULL AND resource_id = $3
RETURNING true
"""

FORGET = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM {table} WHERE created_at < now() - interval '48 hours'
     ORDER BY created_at LIMIT 1000))
"""

# The sweep looks every minute.
OVERDUE = "SELECT created_at FROM {table} WHERE created_at < now() - interval '48 hours 5 minutes'"


class IdempotencyKeyReused(Problem, status=422, remembered=False):
    """This Idempotency-Key was used with another body; use a new key for a new request.

    To repeat a request, send the very same body.
    """


class IdempotencyInProgress(Problem, status=409, remembered=False, retry_after=1):
    """The first request with this Idempotency-Key is still running; try again shortly.

    Wait for as long as Retry-After says, and send the same request with the same key.
    """


class Replay(Exception):
    """Carries the stored answer up to the edge."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Once:
    """One request's idempotency key, or its absence: then every method just does the work."""

    def __init__(
        self, database: Database, table: str, scope: str, key: str | None, fingerprint: bytes
    ) -> None:
        self.key = key
        self._database = database
        self._table = table
        self._scope = scope
        self._fingerprint = fingerprint
        # What this request began under its key, or knows that an earlier one did.
        self._known: set[UUID | None] = {None}

    def unit_of_work(self) -> AbstractAsyncContextManager[Connection]:
        """The unit of work that has the effect; its block ends with `answer` or `created`."""
        return self._database.unit_of_work()

    async def recall(self) -> UUID | None:
        """Raises Replay when the key has its answer, IdempotencyKeyReused when that was to another
        body.

        Returns the resource that an unfinished request with this key began, if there is one.
        """
        return await self._recalled(self._database) if self.key else None

    async def claim(self, db: Connection, resource_id: UUID | None = None) -> UUID | None:
        """Take the key inside a unit of work, naming what is about to be made.

        Returns None when it is newly ours, else the resource of an earlier request with this key
        that has no answer yet: the caller goes on with that one. Raises as `answer` does.
        """
        if not self.key:
            return None
        try:
            claimed = await db.fetchval(
                CLAIM.format(table=self._table),
                self._scope,
                self.key,
                self._fingerprint,
                resource_id,
            )
        except asyncpg.LockNotAvailableError:
            raise IdempotencyInProgress() from None
        if claimed:
            self._known.add(resource_id)
            return None
        earlier = await self._recalled(db)
        if earlier is None:
            raise IdempotencyInProgress()
        return earlier

    async def reassign(self, db: Connection, before: UUID, resource_id: UUID) -> UUID:
        """Point an unanswered key at another resource: the one before was undone.

        Returns the resource that the key names now, which may be one that another request with the
        key has pointed it at first. Raises as `answer` does.
        """
        query = REASSIGN.format(table=self._table)
        if await db.fetchval(query, self._scope, self.key, before, resource_id):
            self._known.add(resource_id)
            return resource_id
        now = await self._recalled(db)
        if now is None:
            raise IdempotencyInProgress()
        return now

    async def _recalled(self, db: Connection) -> UUID | None:
        row = await db.fetchrow(RECALL.format(table=self._table), self._scope, self.key)
        if row is None:
            return None
        if row["fingerprint"] != self._fingerprint:
            raise IdempotencyKeyReused()
        if row["status"] is not None:
            raise Replay(_stored(row))
        resource_id: UUID | None = row["resource_id"]
        self._known.add(resource_id)
        return resource_id

    async def created(
        self, db: Connection, body: BaseModel, location: str, *, about: UUID | None = None
    ) -> Response:
        """201 with a Location, kept for whoever repeats the request."""
        return await self.answer(db, 201, body, location=location, about=about)

    async def answer(
        self,
        db: Connection,
        status: int,
        body: BaseModel,
        *,
        location: str | None = None,
        about: UUID | None = None,
    ) -> Response:
        """An answer of this status, kept for whoever repeats the request.

        `about` names the resource where its answers must be found again. Raises Replay when
        the key has its answer already, IdempotencyKeyReused when that was to another body,
        IdempotencyInProgress when the first request does not finish in time.
        """
        headers = {"Location": location} if location else {}
        if isinstance(body, Tagged):
            headers["ETag"] = body.etag
        response = Response(
            body.model_dump_json(), status, headers=headers, media_type="application/json"
        )
        if self.key:
            await self._keep(db, response, headers, about)
        return response

    async def refuse(self, response: Response) -> None:
        """Keep a lasting refusal, after the unit of work that it ended was undone.

        Raises Replay when the key has an answer by now, IdempotencyInProgress when another
        request has begun something with it: what we were refused for may be its doing.
        """
        if self.key:
            known = frozenset(self._known)
            # A refusal has changed nothing, so that it has no entry in the audit log.
            async with self._database.unit_of_work(recorded=False) as db:
                if await self.claim(db) not in known:
                    raise IdempotencyInProgress()
                await self._keep(db, response, {}, None)

    async def _keep(
        self, db: Connection, response: Response, headers: dict[str, str], about: UUID | None
    ) -> None:
        kept = {**headers, "Content-Type": response.headers["content-type"]}
        row = (response.status_code, json.dumps(kept), bytes(response.body))
        query = KEEP.format(table=self._table)
        try:
            done = await db.fetchval(query, self._scope, self.key, self._fingerprint, about, *row)
        except asyncpg.LockNotAvailableError:
            raise IdempotencyInProgress() from None
        if not done:
            await self._recalled(db)
            raise IdempotencyInProgress()


def _stored(row: asyncpg.Record) -> Response:
    headers = json.loads(row["headers"])
    return Response(row["body"], row["status"], headers={**headers, REPLAYED: "true"})


# json.dumps would make one each time.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def fingerprint(body: Any) -> bytes:
    """A digest of the parsed body: the order of its members and its white space do not count."""
    return hashlib.sha256(_canonical.encode(body).encode("utf-8", "surrogatepass")).digest()


_quoted = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def _unquoted(key: str) -> str:
    """The key without quotes. The header's draft has it as a string of RFC 9651: in quotes, with a
    backslash before each quote and backslash inside."""
    quoted = _quoted.fullmatch(key)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key


Key = Annotated[
    Annotated[
        str,
        AfterValidator(_unquoted),
        Field(pattern=r"^[\x20-\x7e]{1,255}$", min_length=1, max_length=255),
    ]
    | None,
    Header(
        alias="Idempotency-Key",
        description=(
            "Makes the request safe to repeat: one key, one effect, the same answer. In quotes or "
            "without, it is the same key."
        ),
    ),
]


async def _once(request: Request, key: Key = None) -> Once:
    state = request.app.state
    if len(request.headers.getlist("Idempotency-Key")) > 1:
        raise invalid_header("Idempotency-Key", "There must be one key only.")
    digest = fingerprint(await request.json() if await request.body() else None) if key else b""
    scope = f"{request.method} {request.url.path}"
    if themselves := owner():
        # Nobody is sent the answer to somebody else's request, whatever key they choose.
        scope = f"{scope} {themselves}"
    once = Once(state.database, state.idempotency_table, scope, key, digest)
    request.state.once = once
    return once


OnceOnly = Annotated[Once, Depends(_once)]


async def forget_old_keys(database: Database, table: str) -> int:
    """Delete a batch of keys past their two days. Returns how many there were."""
    status = await database.execute(FORGET.format(table=table))
    return int(status.split()[-1])


def overdue_keys(table: str) -> Queue:
    return Queue("old-idempotency-keys", OVERDUE.format(table=table))
