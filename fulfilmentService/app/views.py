"""Jobs as a client sees them, with the steps that were taken."""

import json
from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Page, trace_of
from chassis.lists import NEWEST, decode, encode, page

from .jobs import PARKED_AFTER
from .schemas import FulfilmentJob, Status

JOBS = """
SELECT job.*, (
    SELECT coalesce(json_agg(taken ORDER BY step_id), '[]')
      FROM fulfilment.job_steps taken WHERE taken.job_id = job.job_id
) AS steps FROM fulfilment.jobs job
"""

FIND = JOBS + "WHERE job_id = $1"

# The ids first, which an index tells alone. Asked for whole rows, the planner rather passes by all
# jobs, the newest first, until enough have the status; few may. The limit is a number here, for a
# cached plan takes any other for a tenth of the table.
PAGE = """
 WHERE job_id IN (SELECT job_id FROM fulfilment.jobs WHERE job_id < $1 {filters}
                   ORDER BY job_id DESC LIMIT {limit})
 ORDER BY job_id DESC
"""
LIST = JOBS + PAGE


def as_view(row: Record) -> FulfilmentJob:
    shipped = row["status"] in ("shipped", "completed")
    parked = row["next_step"] is not None and row["attempts"] >= PARKED_AFTER
    return FulfilmentJob.model_validate(
        {
            **row,
            "shipment_id": row["shipment_id"] if shipped else None,
            "failure": row["failure"] and json.loads(row["failure"]),
            "parked": parked,
            "steps": json.loads(row["steps"]),
            "trace_id": trace_of(row["traceparent"]),
        }
    )


async def find(db: Connection, job_id: UUID) -> FulfilmentJob:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, job_id)
    if row is None:
        raise NotFound(f"There is no fulfilment job {job_id}.")
    return as_view(row)


async def listed(
    db: Connection, order_id: UUID | None, status: Status | None, limit: int, cursor: str | None
) -> Page[FulfilmentJob]:
    """Newest first."""
    (before,) = decode(cursor, UUID) or [NEWEST]
    given = {"order_id": order_id, "status": status}
    given = {column: value for column, value in given.items() if value is not None}
    filters = "".join(f"AND {column} = ${place} " for place, column in enumerate(given, 2))
    rows = await db.fetch(LIST.format(filters=filters, limit=limit + 1), before, *given.values())
    return page(rows, limit, as_view, lambda row: encode(row["job_id"]))
