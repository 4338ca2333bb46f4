"""The audit log over HTTP, for admins: see audit_log.py."""

from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from .callers import admits
from .fields import Output, Text, Timestamp
from .lists import DEFAULT_LIMIT, NEWEST, Cursor, Limit, Page, conditions, decode, encode, page
from .strict import Router

LIST = """
SELECT * FROM {table} WHERE entry_id < $2{filters} ORDER BY entry_id DESC LIMIT $1
"""

router = Router(tags=["operations"])

Subject = Annotated[
    Text | None, Query(max_length=255, description="Only what this person did: their `sub`.")
]


class AuditEntry(Output):
    """Who did what, to what, and when. `subject` is the `sub` of their token."""

    entry_id: UUID
    """Of this record; it sorts by time."""
    at: Timestamp
    """When it happened."""
    subject: str
    """The `sub` of the token: who did it."""
    roles: str
    """Of whoever did it."""
    method: str
    """How it is paid."""
    route: str
    """The operation's path."""
    path: str
    """Which thing it was done to."""
    request_id: str
    """Of the request, as in the logs."""


def as_entry(row: Record) -> AuditEntry:
    return AuditEntry.model_validate(dict(row))


@router.get("/audit-log")
@admits("admin")
async def list_audit_log(
    request: Request,
    response: Response,
    subject: Subject = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    """The changes that the staff and admins have made here, newest first."""
    # It is about people, whatever else this service keeps.
    response.headers["Cache-Control"] = "no-store"
    (before,) = decode(cursor, UUID) or [NEWEST]
    filters, values = conditions({"subject = {}": subject}, first=3)
    query = LIST.format(table=request.app.state.audit_table, filters=filters)
    rows = await request.app.state.database.fetch(query, limit + 1, before, *values)
    return page(rows, limit, as_entry, lambda row: encode(row["entry_id"]))
