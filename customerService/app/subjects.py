"""What customers ask about their personal data, of all the services that hold some.

This service calls nobody: the others come by, read what was asked, and bring what they hold.
"""

import asyncio
import json
from uuid import UUID

from chassis import Connection, Context, Preconditions, Problem, turns
from chassis.context import current
from chassis.subjects import ExportPart, Kind, SubjectRequest

from . import customers

# The other services that hold personal data, by the member of the export that has it.
HOLDERS = {"orders": "order", "payments": "payment", "shipments": "shipping"}

PATIENCE_SECONDS = 4.0
POLL_SECONDS = 0.1

# Taken until the unit of work ends, so that no number is seen before a smaller one.
TURNS, NUMBERS = "customer.customer_turns", "numbers"

ASK = "INSERT INTO customer.subject_requests (customer_id, kind) VALUES ($1, $2) RETURNING number"

# What several ask for at once is gathered once.
STANDING = """
SELECT number FROM customer.subject_requests
 WHERE customer_id = $1 AND kind = 'export' AND created_at > now() - interval '1 minute'
 ORDER BY number DESC LIMIT 1
"""

LIST = """
SELECT number, kind, customer_id AS subject FROM customer.subject_requests
 WHERE number > $1 ORDER BY number LIMIT $2
"""

# The customer's row is locked: what is brought while they are erased does not come after it.
BRING = """
INSERT INTO customer.export_parts (number, holder, page, last, held)
SELECT number, $2, $3, $4, $5
  FROM customer.subject_requests JOIN customer.customers USING (customer_id)
 WHERE number = $1 AND kind = 'export' AND erased_at IS NULL
   FOR SHARE OF customers
ON CONFLICT (number, holder, page) DO UPDATE SET held = excluded.held, last = excluded.last
"""

# A service brings its pages in order: where the last one is there, all are.
COMPLETE = "SELECT count(*) FROM customer.export_parts WHERE number = $1 AND last"

# As text: it is passed on as it was brought, however much it is.
PAGE = """
SELECT held::text, last FROM customer.export_parts WHERE number = $1 AND holder = $2 AND page = $3
"""

FORGET = "DELETE FROM customer.subject_requests WHERE number = $1 AND kind = 'export'"

FORGET_OLD = """
DELETE FROM customer.subject_requests
 WHERE kind = 'export' AND created_at < now() - interval '2 minutes'
"""

FORGET_OF = "DELETE FROM customer.subject_requests WHERE customer_id = $1 AND kind = 'export'"


RESTORED = "SELECT customer_id FROM customer.to_erase LIMIT 20"

ERASED_AGAIN = "DELETE FROM customer.to_erase WHERE customer_id = $1"


class ExportNotReady(Problem, status=503, retry_after=1):
    """The personal data is still being gathered; ask again shortly.

    Wait for as long as Retry-After says and ask again.
    """


async def ask(db: Connection, customer_id: UUID, kind: Kind) -> int:
    """In a unit of work. Returns the number of what is asked."""
    await turns.take(db, TURNS, NUMBERS)
    number: int = await db.fetchval(ASK, customer_id, kind)
    return number


async def asked_for_erasure(db: Connection, customer_id: UUID) -> None:
    """In the unit of work that erases them here: nothing is gathered of them any more."""
    await db.execute(FORGET_OF, customer_id)
    await ask(db, customer_id, "erasure")


async def listed(db: Connection, after: int, limit: int) -> list[SubjectRequest]:
    """What was asked, oldest first."""
    return [SubjectRequest(**row) for row in await db.fetch(LIST, after, limit)]


async def bring(db: Connection, number: int, holder: str, part: ExportPart) -> None:
    """Keep what a service holds, until it is read. What nobody waits for any more is dropped."""
    held = json.dumps(part.held, default=float)
    await db.execute(BRING, number, holder, part.page, part.last, held)


async def export(context: Context, customer_id: UUID, owner: UUID | None) -> bytes:
    """All that is held of a customer, whom `owner` must be, as the JSON of an `Export`. Raises
    NotFound, ExportNotReady.

    It writes down that somebody asks, and forgets it when all is told: no copy stays.
    """
    db = context.database
    await customers.find(db, customer_id, owner)
    number = await _standing(context, customer_id)
    await _gathered(db, number)
    parts = {name: await _held(db, number, holder) for name, holder in HOLDERS.items()}
    customer = await customers.find(db, customer_id, owner)
    await db.execute(FORGET, number)
    members = {"customer": customer.model_dump_json().encode(), **parts}
    told = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members.items())
    return b"{%s}" % told


async def _standing(context: Context, customer_id: UUID) -> int:
    if number := await context.database.fetchval(STANDING, customer_id):
        return int(number)
    async with context.database.unit_of_work() as db:
        return await ask(db, customer_id, "export")


async def _gathered(db: Connection, number: int) -> None:
    """Wait until each service has brought its last page. Raises ExportNotReady."""
    current().pause()
    patience = min(PATIENCE_SECONDS, current().remaining() - 2 * POLL_SECONDS)
    until = asyncio.get_running_loop().time() + patience
    while asyncio.get_running_loop().time() < until:
        if await db.fetchval(COMPLETE, number) == len(HOLDERS):
            return
        await asyncio.sleep(POLL_SECONDS)  # between two looks; `patience` bounds them all
    raise ExportNotReady()


async def _held(db: Connection, number: int, holder: str) -> bytes:
    """All pages of one service, as one JSON list. Raises ExportNotReady if another request has read
    and deleted them meanwhile."""
    pages: list[str] = []
    last = False
    while not last:
        row = await db.fetchrow(PAGE, number, holder, len(pages))
        if row is None:
            raise ExportNotReady()
        pages.append(row["held"][1:-1])
        last = row["last"]
    return f"[{','.join(filter(None, pages))}]".encode()


async def erase_again(context: Context) -> int:
    """The sweep: erase customers again who came back with a restored backup."""
    restored = await context.database.fetch(RESTORED)
    for row in restored:
        async with context.database.unit_of_work() as db:
            if await customers.erase(db, row["customer_id"], None, Preconditions()):
                await asked_for_erasure(db, row["customer_id"])
            await db.execute(ERASED_AGAIN, row["customer_id"])
    return len(restored)


async def forget_old(context: Context) -> int:
    """The sweep: exports that nobody has fetched."""
    status = await context.database.execute(FORGET_OLD)
    return int(status.split()[-1])
