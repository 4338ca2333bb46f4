"""A fulfilment job: one order on its way out, and how far it has come.

Whoever drives a job holds a lease on it: until `next_attempt_at` nobody else takes it up. Every
write names the version that the driver knows, so that a driver that was held up, and whose lease
somebody else took over meanwhile, writes nothing any more.
"""

import json
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError

from chassis import Connection, NotFound, Parked, Problem
from chassis.context import current

from .orders import Order, not_fulfillable

# Longer than a step may take: a request has five seconds.
LEASE_SECONDS = 6.0

# After so many attempts somebody should look: that is more than a minute of trying.
PARKED_AFTER = 12

BEGIN = """
INSERT INTO fulfilment.jobs (order_id, lines, next_attempt_at, traceparent)
VALUES ($1, $2, now() + make_interval(secs => $3), $4)
ON CONFLICT (order_id) WHERE status <> 'failed' DO NOTHING
RETURNING *
"""

FIND = "SELECT * FROM fulfilment.jobs WHERE job_id = $1"

LIVE = "SELECT * FROM fulfilment.jobs WHERE order_id = $1 AND status <> 'failed'"

CLAIM = """
UPDATE fulfilment.jobs
   SET attempts = attempts + 1, version = version + 1,
       next_attempt_at = now() + make_interval(secs => $1)
 WHERE job_id IN (
       SELECT job_id FROM fulfilment.jobs
        WHERE next_step IS NOT NULL AND next_attempt_at <= now()
          AND ($2::uuid IS NULL OR job_id = $2)
        ORDER BY next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED)
RETURNING *
"""

TAKE_OVER = """
UPDATE fulfilment.jobs
   SET attempts = 1, version = version + 1,
       next_attempt_at = now() + make_interval(secs => $2)
 WHERE job_id = $1 AND next_step IS NOT NULL
RETURNING *
"""

REOPEN = """
UPDATE fulfilment.jobs
   SET status = 'pending', next_step = 'reserve', failure = NULL, reservation_id = uuidv7(),
       round = round + 1, attempts = 1, version = version + 1, updated_at = clock_timestamp(),
       next_attempt_at = now() + make_interval(secs => $2)
 WHERE job_id = $1 AND status = 'failed'
RETURNING *
"""

RECORD = """
WITH moved AS (
    UPDATE fulfilment.jobs
       SET status = $5, next_step = $6, failure = $7, reservation_id = $8,
           next_attempt_at = now() + make_interval(secs => $9),
           version = version + 1, updated_at = clock_timestamp()
     WHERE job_id = $1 AND version = $2
    RETURNING *
), logged AS (
    INSERT INTO fulfilment.job_steps (job_id, step, outcome)
    SELECT job_id, $3, $4 FROM moved WHERE $4::text IS NOT NULL
)
SELECT * FROM moved
"""

UNFINISHED = """
SELECT created_at FROM fulfilment.jobs WHERE next_step IS NOT NULL ORDER BY next_attempt_at
"""

PARKED = Parked(
    rows=f"""
    SELECT job_id AS item_id, format('a job at %s, for order %s', next_step, order_id) AS about,
           attempts, created_at AS since, next_attempt_at
      FROM fulfilment.jobs WHERE next_step IS NOT NULL AND attempts >= {PARKED_AFTER}
    """,  # noqa: S608  # a number of ours
    retry="""
    UPDATE fulfilment.jobs SET attempts = 1, version = version + 1, next_attempt_at = now()
     WHERE job_id = $1 AND next_step IS NOT NULL
    """,
)


class AnotherJob(Problem, status=409, remembered=False):
    """The order has another job by now.

    Follow the job that job_id names.
    """

    job_id: UUID


class Fenced(Exception):
    """Somebody else has taken the job over."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its driver knows it. `next_step` is None when there is nothing left to do."""

    job_id: UUID
    order_id: UUID
    status: str
    next_step: str | None
    lines: list[dict[str, Any]]
    reservation_id: UUID
    shipment_id: UUID
    failure: dict[str, Any] | None
    round: int
    attempts: int
    version: int
    traceparent: str | None


def as_job(row: Record) -> Job:
    values = {field.name: row[field.name] for field in fields(Job)}
    failure = row["failure"] and json.loads(row["failure"])
    return Job(**values | {"lines": json.loads(row["lines"]), "failure": failure})


async def begin(db: Connection, order: Order) -> tuple[Job, bool]:
    """The order's live job, and whether it is newly made; then its lease is the caller's.

    Raises OrderNotFulfillable for an order that was fulfilled without a job of ours.
    """
    lines = json.dumps([line.model_dump() for line in order.lines])
    while True:
        if order.status != "fulfilled":
            trace = current().trace
            row = await db.fetchrow(BEGIN, order.order_id, lines, LEASE_SECONDS, trace)
            if row is not None:
                return as_job(row), True
        row = await db.fetchrow(LIVE, order.order_id)
        if row is not None:
            return as_job(row), False
        if order.status == "fulfilled":
            raise not_fulfillable(order.status, order.shipment_id)


async def find(db: Connection, job_id: UUID) -> Job:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, job_id)
    if row is None:
        raise NotFound(f"There is no fulfilment job {job_id}.")
    return as_job(row)


async def claim(db: Connection, job_id: UUID | None = None) -> list[Job]:
    """Lease what is unfinished and nobody drives: this job if it is so, or a batch of those due."""
    return [as_job(row) for row in await db.fetch(CLAIM, LEASE_SECONDS, job_id)]


async def restart(db: Connection, job_id: UUID) -> Job | None:
    """Lease a job that failed, or that is unfinished, as if it were tried for the first time.

    Whoever drives it now is fenced. Returns None if it is completed. Raises NotFound, AnotherJob.
    """
    job = await find(db, job_id)
    try:
        row = await db.fetchrow(REOPEN, job_id, LEASE_SECONDS)
    except UniqueViolationError:
        live = await db.fetchval(LIVE, job.order_id)
        raise AnotherJob(job_id=live) from None
    row = row or await db.fetchrow(TAKE_OVER, job_id, LEASE_SECONDS)
    return as_job(row) if row else None


async def record(
    db: Connection,
    job: Job,
    outcome: str | None,
    *,
    due_in: float = LEASE_SECONDS,
    **changes: Any,
) -> Job:
    """Write down how the next step went (None: not worth a line), and what follows from it.

    Returns the job as it is now, leased on. Raises Fenced.
    """
    after = replace(job, **changes)
    row = await db.fetchrow(
        RECORD,
        job.job_id,
        job.version,
        job.next_step,
        outcome and outcome[:500],
        after.status,
        after.next_step,
        after.failure and json.dumps(after.failure, default=str),
        after.reservation_id,
        due_in,
    )
    if row is None:
        raise Fenced()
    return as_job(row)
