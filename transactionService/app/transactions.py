"""One movement of money: a charge or a refund, with its ledger entries and its order's balance."""

from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Page, Problem, invalid, to_major, to_minor
from chassis.lists import NEWEST, decode, encode, page

from .orders import Order
from .schemas import Balance, NewTransaction, Transaction

# The balance's row is the lock: a second charge waits here for the first one, then gets no row.
# On any conflict: two unique indexes hold the order, and a race may be noticed by either.
OPEN_BALANCE = """
INSERT INTO payment.balances (order_id, currency, charged_minor) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING true
"""

TAKE_FROM_BALANCE = """
UPDATE payment.balances SET refunded_minor = refunded_minor + $2
 WHERE order_id = $1 AND charged_minor - refunded_minor >= $2
RETURNING true
"""

INSERT = """
INSERT INTO payment.transactions (order_id, kind, amount_minor, currency, reference)
VALUES ($1, $2, $3, $4, $5)
RETURNING *
"""

INSERT_ENTRIES = """
INSERT INTO payment.entries (transaction_id, account, amount_minor)
VALUES ($1, $2, $4), ($1, $3, -$4)
"""

FIND = "SELECT * FROM payment.transactions WHERE transaction_id = $1"

FIND_CHARGE = """
SELECT transaction_id FROM payment.transactions WHERE order_id = $1 AND kind = 'charge'
"""

FIND_BALANCE = "SELECT * FROM payment.balances WHERE order_id = $1"

LIST = """
SELECT * FROM payment.transactions
 WHERE transaction_id < $2
 ORDER BY transaction_id DESC LIMIT $1
"""

LIST_ORDER = """
SELECT * FROM payment.transactions
 WHERE order_id = $3 AND transaction_id < $2
 ORDER BY transaction_id DESC LIMIT $1
"""

# The account that each kind debits, and the one that it credits.
ACCOUNTS = {"charge": ("cash", "sales"), "refund": ("sales_returns", "cash")}


class AmountMismatch(Problem, status=422):
    """The amount or the currency is not the one expected."""


class AlreadyCharged(Problem, status=409):
    """This order is charged already."""


class RefundExceedsCharge(Problem, status=409):
    """More would be refunded than was charged and is not refunded yet."""

    def __init__(self, refundable_minor: int, currency: str, *, charged: bool) -> None:
        refundable = to_major(refundable_minor, currency)
        detail = f"{refundable} {currency} can be refunded at most."
        super().__init__(detail, refundable=refundable, currency=currency)
        # What is refundable only shrinks, but an order without a charge may still get one.
        self.remembered = charged


def amount_of(new: NewTransaction) -> int:
    """The amount in minor units. Raises InvalidRequest for too many decimals, or for nothing."""
    minor = to_minor(new.amount, new.currency)
    if minor == 0:
        raise invalid("#/amount", "The amount must be above zero.")
    return minor


def must_match(new: NewTransaction, order: Order) -> None:
    """A charge is of all that the order comes to. Raises AmountMismatch."""
    if (new.amount, new.currency) != (order.total, order.currency):
        raise mismatch(format(order.total, "f"), order.currency)


def mismatch(expected: str, currency: str) -> AmountMismatch:
    detail = f"Expected {expected} {currency}."
    return AmountMismatch(detail, expected=expected, currency=currency)


async def record(db: Connection, new: NewTransaction, minor: int) -> Transaction:
    """Write a charge or a refund of so many minor units, in the caller's unit of work.

    Raises AlreadyCharged, RefundExceedsCharge, AmountMismatch (a refund in another currency).
    """
    if new.kind == "charge":
        await _open_balance(db, new, minor)
    else:
        await _take_from_balance(db, new, minor)
    row = await db.fetchrow(INSERT, new.order_id, new.kind, minor, new.currency, new.reference)
    assert row is not None
    await db.execute(INSERT_ENTRIES, row["transaction_id"], *ACCOUNTS[new.kind], minor)
    return as_transaction(row)


async def _open_balance(db: Connection, new: NewTransaction, minor: int) -> None:
    if not await db.fetchval(OPEN_BALANCE, new.order_id, new.currency, minor):
        charge = await db.fetchval(FIND_CHARGE, new.order_id)
        raise AlreadyCharged(f"Transaction {charge} is its charge.", transaction_id=charge)


async def _take_from_balance(db: Connection, new: NewTransaction, minor: int) -> None:
    row = await db.fetchrow(FIND_BALANCE, new.order_id)
    if row is None:
        raise RefundExceedsCharge(0, new.currency, charged=False)
    if row["currency"] != new.currency:
        raise mismatch(to_major(minor_left(row), row["currency"]), row["currency"])
    if not await db.fetchval(TAKE_FROM_BALANCE, new.order_id, minor):
        row = await db.fetchrow(FIND_BALANCE, new.order_id)
        assert row is not None
        raise RefundExceedsCharge(minor_left(row), row["currency"], charged=True)


async def is_charged(db: Connection, order_id: UUID) -> bool:
    return await db.fetchrow(FIND_BALANCE, order_id) is not None


async def find(db: Connection, transaction_id: UUID) -> Transaction:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, transaction_id)
    if row is None:
        raise NotFound(f"There is no transaction {transaction_id}.")
    return as_transaction(row)


async def listed(
    db: Connection, order_id: UUID | None, limit: int, cursor: str | None
) -> Page[Transaction]:
    """Transactions, of one order if named, newest first."""
    (before,) = decode(cursor, UUID) or [NEWEST]
    rows = (
        await db.fetch(LIST, limit + 1, before)
        if order_id is None
        else await db.fetch(LIST_ORDER, limit + 1, before, order_id)
    )
    return page(rows, limit, as_transaction, lambda row: encode(row["transaction_id"]))


async def find_balance(db: Connection, order_id: UUID) -> Balance:
    """Raises NotFound when nothing was ever charged."""
    row = await db.fetchrow(FIND_BALANCE, order_id)
    if row is None:
        raise NotFound(f"Nothing was charged for order {order_id}.")
    currency = row["currency"]
    return Balance(
        order_id=order_id,
        charged=to_major(row["charged_minor"], currency),
        refunded=to_major(row["refunded_minor"], currency),
        net=to_major(minor_left(row), currency),
        currency=currency,
    )


def minor_left(balance: Record) -> int:
    """What was charged and is not refunded, in minor units."""
    left: int = balance["charged_minor"] - balance["refunded_minor"]
    return left


def as_transaction(row: Record) -> Transaction:
    amount = to_major(row["amount_minor"], row["currency"])
    return Transaction.model_validate({**row, "amount": amount})
