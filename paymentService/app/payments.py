"""One payment: from before the provider is asked until its order knows how it went.

processing → unknown → captured → refunded
         └─────────┴─→ declined
"""

import asyncio
import json
import time
from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record, UniqueViolationError

from chassis import Connection, NotFound, Page, Parked, Problem, to_major, trace_of, turns
from chassis.context import current
from chassis.lists import NEWEST, conditions, decode, encode, page

from .orders import AlreadyPaid
from .provider import Outcome
from .schemas import Method, NewPayment, Payment, PaymentEntry

UNDECIDED = frozenset({"processing", "unknown"})

# How long a request waits for another one to the same order.
PATIENCE_SECONDS = 1.5
POLL_SECONDS = 0.05

# The id of a new payment. Payments of one order take turns (chassis/turns.py), so that each one
# counts the declined payments before it.
MINT = """
WITH turn AS (
    INSERT INTO payment.payment_turns (number) VALUES ($1)
    ON CONFLICT (number) DO UPDATE SET taken = true
)
SELECT uuidv7()
"""

# Inserts nothing if ten were declined within the hour. A payment that is not decided yet counts as
# declined: it may be by the time this one is written.
INSERT = """
INSERT INTO payment.payments
       (payment_id, order_id, customer_id, amount_minor, currency, token, next_attempt_at,
        traceparent)
SELECT $1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), $8
 WHERE 10 > (SELECT count(*) FROM payment.payments WHERE order_id = $2 AND status <> 'declined')
          + (SELECT count(*) FROM (
                 SELECT FROM payment.payments
                  WHERE order_id = $2 AND status = 'declined'
                    AND updated_at > now() - interval '1 hour'
                  ORDER BY updated_at DESC LIMIT 10) lately)
RETURNING *
"""

# Seconds until the tenth last declined payment is an hour old.
FULL_FOR = """
SELECT ceil(extract(epoch FROM updated_at + interval '1 hour' - now()))::int
  FROM payment.payments
 WHERE order_id = $1 AND status = 'declined' AND updated_at > now() - interval '1 hour'
 ORDER BY updated_at DESC OFFSET 9 LIMIT 1
"""

FIND = """
SELECT * FROM payment.payments
 WHERE payment_id = $1 AND ($2::uuid IS NULL OR customer_id = $2)
"""

STANDING = """
SELECT payment_id, status FROM payment.payments WHERE order_id = $1 AND status <> 'declined'
"""

LIST = """
SELECT * FROM payment.payments
 WHERE payment_id < $2{filters}
 ORDER BY payment_id DESC LIMIT $1
"""

# $1 are the pauses; the last one goes for every further attempt.
CLAIM = """
UPDATE payment.payments
   SET attempts = attempts + 1, version = version + 1,
       next_attempt_at = now() + make_interval(secs =>
           ($1::float8[])[least(attempts + 1, cardinality($1))] * (1 + random() / 8))
 WHERE payment_id = $2 AND status IN ('processing', 'unknown') AND next_attempt_at <= now()
RETURNING *
"""

CLAIM_DUE = """
UPDATE payment.payments
   SET attempts = attempts + 1, version = version + 1,
       next_attempt_at = now() + make_interval(secs =>
           ($1::float8[])[least(attempts + 1, cardinality($1))] * (1 + random() / 8))
 WHERE payment_id IN (
     SELECT payment_id FROM payment.payments
      WHERE NOT settled AND next_attempt_at <= now()
      ORDER BY next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED)
RETURNING *
"""

# Whether the customer of a payment was erased: then nothing personal is written about it any more.
ERASED = """
EXISTS (SELECT FROM payment.subject_requests asked
         WHERE asked.subject = customer_id AND asked.kind = 'erasure')
"""

# An outcome may come hours later, when its customer has been erased.
DECIDE = f"""
UPDATE payment.payments
   SET status = $3, token = NULL, attempts = 0, version = version + 1,
       next_attempt_at = now() + make_interval(secs => $5), updated_at = clock_timestamp(),
       last4 = CASE WHEN NOT {ERASED} THEN $4 END
 WHERE payment_id = $1 AND version = $2 AND status IN ('processing', 'unknown')
RETURNING *
"""  # noqa: S608  # a constant above

# Due at once: whoever comes next, the client or the sweep, may ask what became of it.
LOSE_SIGHT = """
UPDATE payment.payments
   SET status = 'unknown', version = version + 1, next_attempt_at = now(),
       updated_at = clock_timestamp()
 WHERE payment_id = $1 AND version = $2 AND status = 'processing'
RETURNING *
"""

TOLD = """
UPDATE payment.payments SET order_told = $3, attempts = 0, version = version + 1
 WHERE payment_id = $1 AND version = $2
RETURNING *
"""

PARKED = Parked(
    rows="""
    SELECT payment_id AS item_id,
           format('a payment, %s, for order %s', status, order_id) AS about,
           attempts, created_at AS since, next_attempt_at
      FROM payment.payments WHERE parked AND NOT settled
    """,
    retry="""
    UPDATE payment.payments SET attempts = 0, version = version + 1, next_attempt_at = now()
     WHERE payment_id = $1 AND NOT settled
    """,
)


class PaymentInProgress(Problem, status=409, remembered=False, retry_after=1):
    """Another payment for this order is under way; try again shortly.

    Wait for as long as Retry-After says, then look whether the order is paid.
    """

    payment_id: UUID


class PaymentOutcomeUnknown(Problem, status=503, retry_after=1):
    """The provider has not said how it went; repeat the request with the same Idempotency-Key.

    Wait for as long as Retry-After says. Nothing is charged twice. Without a key, read the payment
    or the refund that the members name, until it is decided.
    """

    payment_id: UUID | None = None
    refund_id: UUID | None = None


class TooManyAttempts(Problem, status=429, remembered=False, retry_after=3600):
    """Ten payments of this order were declined within an hour.

    Wait for as long as Retry-After says, and pay by another card.
    """


class OrderTaken(Exception):
    """The order has a payment that is captured, or not decided yet."""


def as_payment(row: Record) -> Payment:
    return Payment(
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        status=row["status"],
        amount=to_major(row["amount_minor"], row["currency"]),
        refunded=to_major(row["refunded_minor"], row["currency"]),
        currency=row["currency"],
        method=Method(last4=row["last4"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        history=[PaymentEntry.model_validate(entry) for entry in json.loads(row["history"])],
        trace_id=trace_of(row["traceparent"]),
    )


def undecided(row: Record) -> bool:
    return row["status"] in UNDECIDED


async def mint(db: Connection, order_id: UUID) -> UUID:
    """The id of a new payment, in its unit of work. Another one of the order waits until it
    ends."""
    payment_id: UUID = await db.fetchval(MINT, turns.number_of(str(order_id)))
    return payment_id


async def insert(
    db: Connection,
    payment_id: UUID,
    new: NewPayment,
    customer_id: UUID | None,
    amount_minor: int,
    lease: float,
) -> Record:
    """In the unit of work that has minted the id. Raises OrderTaken, TooManyAttempts."""
    ids = (payment_id, new.order_id, customer_id)
    token = new.method.token.get_secret_value()
    what = (amount_minor, new.currency, token)
    try:
        row = await db.fetchrow(INSERT, *ids, *what, lease, current().trace)
    except UniqueViolationError:
        raise OrderTaken from None
    if row is None:
        raise await _full(db, new.order_id)
    return row


async def _full(db: Connection, order_id: UUID) -> TooManyAttempts | OrderTaken:
    seconds = await db.fetchval(FULL_FOR, order_id)
    if seconds is None:
        return OrderTaken()
    problem = TooManyAttempts()
    problem.retry_after = seconds
    return problem


async def find(db: Connection, payment_id: UUID, owner: UUID | None = None) -> Record:
    """Raises NotFound, also for a payment that is not the owner's."""
    row = await db.fetchrow(FIND, payment_id, owner)
    if row is None:
        raise NotFound(f"There is no payment {payment_id}.")
    return row


async def listed(
    db: Connection, order_id: UUID | None, limit: int, cursor: str | None, owner: UUID | None
) -> Page[Payment]:
    """Newest first."""
    (before,) = decode(cursor, UUID) or [NEWEST]
    filters, values = conditions({"order_id = {}": order_id, "customer_id = {}": owner}, first=3)
    rows = await db.fetch(LIST.format(filters=filters), limit + 1, before, *values)
    return page(rows, limit, as_payment, lambda row: encode(row["payment_id"]))


async def until_order_is_free(db: Connection, order_id: UUID) -> None:
    """Wait for the payment that an order has: return once it was declined.

    Raises AlreadyPaid when it was captured, PaymentInProgress when it takes too long.
    """
    until = time.monotonic() + min(PATIENCE_SECONDS, current().remaining() - POLL_SECONDS)
    current().pause()
    while standing := await db.fetchrow(STANDING, order_id):
        if not undecided(standing):
            raise AlreadyPaid(payment_id=standing["payment_id"])
        if time.monotonic() > until:
            raise PaymentInProgress(payment_id=standing["payment_id"])
        await asyncio.sleep(POLL_SECONDS)  # another process decides; `until` bounds all looks


async def claim(db: Connection, payment_id: UUID, pauses: Sequence[float]) -> Record | None:
    """Take up an undecided payment; None if it is decided, or somebody is at work on it."""
    return await db.fetchrow(CLAIM, pauses, payment_id)


async def claim_due(db: Connection, pauses: Sequence[float]) -> list[Record]:
    """Take up those that nobody is at work on, and that are not settled."""
    return await db.fetch(CLAIM_DUE, pauses)


async def decide(db: Connection, row: Record, outcome: Outcome | None, lease: float) -> Record:
    """Write down what the provider said, None being nothing.

    Returns the payment as it stands now: another's writing, where our claim was lost.
    """
    fence = (row["payment_id"], row["version"])
    changed = (
        await db.fetchrow(DECIDE, *fence, outcome.status, outcome.last4, lease)
        if outcome
        else await db.fetchrow(LOSE_SIGHT, *fence)
    )
    return changed or await find(db, row["payment_id"])


async def told(db: Connection, row: Record, status: str) -> Record | None:
    """Write down that the order has answered to this status; None if our claim was lost."""
    return await db.fetchrow(TOLD, row["payment_id"], row["version"], status)
