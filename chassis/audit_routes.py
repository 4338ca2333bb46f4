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
    Text | None,
    Query(max_length=255, description="Only entries of this person: the `sub` of their tokens."),
]


class AuditEntry(Output):
    """Who did what, to what, and when. `subject` is the `sub` of their token."""

    entry_id: UUID
    """The id of this entry. Ids sort by time."""
    at: Timestamp
    """When it happened."""
    subject: str
    """Who did it: the `sub` of the token."""
    roles: str
    """The roles of whoever did it."""
    method: str
    """The HTTP method of the request."""
    route: str
    """The operation's path."""
    path: str
    """The path of the request, which names the thing that was changed."""
    request_id: str
    """The id of the request, as in the logs."""


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
    # The entries are about people, whatever else this service keeps.
    response.headers["Cache-Control"] = "no-store"
    (before,) = decode(cursor, UUID) or [NEWEST]
    filters, values = conditions({"subject = {}": subject}, first=3)
    query = LIST.format(table=request.app.state.audit_table, filters=filters)
    rows = await request.app.state.database.fetch(query, limit + 1, before, *values)
    return page(rows, limit, as_entry, lambda row: encode(row["entry_id"]))
