"""One refund: its amount is set aside in the payment first, then the provider gives it back."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from chassis import (
    Connection,
    NotFound,
    Page,
    Parked,
    Problem,
    invalid,
    to_major,
    to_minor,
    trace_of,
)
from chassis.context import current
from chassis.lists import NEWEST, decode, encode, page

from . import payments
from .schemas import NewRefund, Refund

# In the trace of the request that asks for it, or of the payment where we begin it ourselves.
# Without an amount, the rest. Never nothing, unless the payment itself was for nothing.
BEGIN = f"""
WITH payment AS (
    UPDATE payment.payments
       SET refunded_minor = refunded_minor + coalesce($3, amount_minor - refunded_minor),
           updated_at = clock_timestamp()
     WHERE payment_id = $2 AND status = 'captured'
       AND coalesce($3::bigint, amount_minor - refunded_minor)
           BETWEEN least(1, amount_minor) AND amount_minor - refunded_minor
    RETURNING customer_id, currency, traceparent,
              new.refunded_minor - old.refunded_minor AS amount_minor
)
INSERT INTO payment.refunds
       (refund_id, payment_id, amount_minor, currency, reason, next_attempt_at, traceparent)
SELECT $1, $2, amount_minor, currency, CASE WHEN NOT {payments.ERASED} THEN $4 END,
       now() + make_interval(secs => $5), coalesce($6, traceparent)
  FROM payment
RETURNING *
"""  # noqa: S608  # a constant of payments.py

FIND = """
SELECT * FROM payment.refunds
 WHERE payment_id = $1 AND refund_id = $2 AND ($3::uuid IS NULL OR EXISTS (
       SELECT FROM payment.payments WHERE payment_id = $1 AND customer_id = $3))
"""

LIST = """
SELECT * FROM payment.refunds
 WHERE payment_id = $3 AND refund_id < $2
 ORDER BY refund_id DESC LIMIT $1
"""

CLAIM = """
UPDATE payment.refunds
   SET attempts = attempts + 1,
       next_attempt_at = now() + make_interval(secs =>
           ($1::float8[])[least(attempts + 1, cardinality($1))] * (1 + random() / 8))
 WHERE refund_id = $2 AND status = 'processing' AND next_attempt_at <= now()
RETURNING *
"""

CLAIM_DUE = """
UPDATE payment.refunds
   SET attempts = attempts + 1,
       next_attempt_at = now() + make_interval(secs =>
           ($1::float8[])[least(attempts + 1, cardinality($1))] * (1 + random() / 8))
 WHERE refund_id IN (
     SELECT refund_id FROM payment.refunds
      WHERE status = 'processing' AND next_attempt_at <= now()
      ORDER BY next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED)
RETURNING *
"""

# Two last refunds of one payment, done at once, must see each other.
LOCK_PAYMENT = "SELECT FROM payment.payments WHERE payment_id = $1 FOR UPDATE"

# No fence but the status: that the provider gave the money back is true whoever was told.
SUCCEED = """
UPDATE payment.refunds SET status = 'succeeded', updated_at = clock_timestamp()
 WHERE refund_id = $1 AND status = 'processing'
RETURNING true
"""

REFUND_PAYMENT = """
UPDATE payment.payments
   SET status = 'refunded', attempts = 0, version = version + 1,
       next_attempt_at = now() + make_interval(secs => $2), updated_at = clock_timestamp()
 WHERE payment_id = $1 AND status = 'captured' AND refunded_minor = amount_minor
   AND NOT EXISTS (SELECT FROM payment.refunds WHERE payment_id = $1 AND status = 'processing')
"""

OWED = """
SELECT payment_id, uuidv7() AS refund_id FROM payment.payments payment
 WHERE payment_id = ANY($1) AND status = 'captured'
   AND (refunded_minor < amount_minor OR NOT EXISTS (
       SELECT FROM payment.refunds refund WHERE refund.payment_id = payment.payment_id))
"""

PARKED = Parked(
    rows="""
    SELECT refund_id AS item_id, 'a refund of payment ' || payment_id AS about,
           attempts, created_at AS since, next_attempt_at
      FROM payment.refunds WHERE parked AND status = 'processing'
    """,
    retry="""
    UPDATE payment.refunds SET attempts = 0, next_attempt_at = now()
     WHERE refund_id = $1 AND status = 'processing'
    """,
)


class RefundExceedsPayment(Problem, status=409):
    """More than what is left of the payment cannot be refunded.

    Refund what refundable names at most.
    """

    refundable: str
    """What can be given back at most."""
    currency: str


def as_refund(row: Record) -> Refund:
    return Refund(
        refund_id=row["refund_id"],
        payment_id=row["payment_id"],
        amount=to_major(row["amount_minor"], row["currency"]),
        currency=row["currency"],
        status=row["status"],
        reason=row["reason"],
        created_at=row["created_at"],
        trace_id=trace_of(row["traceparent"]),
    )


def amount_of(new: NewRefund, currency: str) -> int | None:
    """Minor units; None for the rest. Raises InvalidRequest for zero and too many decimals."""
    if new.amount is None:
        return None
    if new.amount == 0:
        raise invalid("#/amount", "A refund must be of more than nothing.")
    return to_minor(new.amount, currency)


async def begin(
    db: Connection,
    payment_id: UUID,
    refund_id: UUID,
    amount_minor: int | None,
    reason: str | None,
    lease: float,
) -> Record:
    """Set the amount aside, the rest if there is none given. Raises RefundExceedsPayment."""
    asked = (amount_minor, reason, lease, current().trace)
    row = await db.fetchrow(BEGIN, refund_id, payment_id, *asked)
    if row is None:
        raise await _refusal(db, payment_id)
    return row


async def _refusal(db: Connection, payment_id: UUID) -> RefundExceedsPayment:
    payment = await payments.find(db, payment_id)
    captured = payment["status"] == "captured"
    left = payment["amount_minor"] - payment["refunded_minor"] if captured else 0
    currency = payment["currency"]
    problem = RefundExceedsPayment(refundable=to_major(left, currency), currency=currency)
    # A payment that is not decided yet may be captured, and then be refunded after all.
    problem.remembered = not payments.undecided(payment)
    return problem


async def begin_in_full(db: Connection, traces: Mapping[UUID, str | None], reason: str) -> int:
    """Begin to refund what is left of these payments, each in its trace; in the payment's where
    that is not known. Returns how many there were to begin."""
    owed = await db.fetch(OWED, list(traces))
    for payment in owed:
        trace = traces[payment["payment_id"]]
        whole = (payment["refund_id"], payment["payment_id"], None, reason, 0, trace)
        await db.execute(BEGIN, *whole)
    return len(owed)


async def find(
    db: Connection, payment_id: UUID, refund_id: UUID, owner: UUID | None = None
) -> Record:
    row = await db.fetchrow(FIND, payment_id, refund_id, owner)
    if row is None:
        raise NotFound(f"The payment has no refund {refund_id}.")
    return row


async def listed(
    db: Connection, payment_id: UUID, limit: int, cursor: str | None, owner: UUID | None
) -> Page[Refund]:
    """Newest first. Raises NotFound for the payment."""
    await payments.find(db, payment_id, owner)
    (before,) = decode(cursor, UUID) or [NEWEST]
    rows = await db.fetch(LIST, limit + 1, before, payment_id)
    return page(rows, limit, as_refund, lambda row: encode(row["refund_id"]))


async def claim(db: Connection, refund_id: UUID, pauses: Sequence[float]) -> Record | None:
    """Take up an unfinished refund; None if it is done, or somebody is at work on it."""
    return await db.fetchrow(CLAIM, pauses, refund_id)


async def claim_due(db: Connection, pauses: Sequence[float]) -> list[Record]:
    return await db.fetch(CLAIM_DUE, pauses)


async def succeed(db: Connection, row: Record, lease: float) -> tuple[Record, bool]:
    """The provider has given the money back; the last refund makes the payment refunded.

    For a unit of work; safe to repeat. Returns the refund as it stands now, and whether this is
    the first time.
    """
    payment_id, refund_id = row["payment_id"], row["refund_id"]
    await db.execute(LOCK_PAYMENT, payment_id)
    first = await db.fetchval(SUCCEED, refund_id) is not None
    await db.execute(REFUND_PAYMENT, payment_id, lease)
    return await find(db, payment_id, refund_id), first
