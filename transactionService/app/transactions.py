"""One movement of money: a charge or a refund, with its ledger entries and its order's balance."""

from uuid import UUID

from asyncpg import Record

from chassis import Connection, NotFound, Page, Peer, Problem, invalid, to_major, to_minor
from chassis.lists import NEWEST, decode, encode, page

from . import orders
from .orders import Order, UnknownOrder, UnknownOrderStatus
from .schemas import Balance, NewTransaction, Transaction

# The balance's row is the lock: a second charge waits here for the first one, then gets no row.
# On any conflict: two unique indexes hold the order, and a race may be noticed by either.
OPEN_BALANCE = """
INSERT INTO payment.balances (order_id, currency, charged_minor) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING order_id
"""

TAKE_FROM_BALANCE = """
UPDATE payment.balances SET refunded_minor = refunded_minor + $3
 WHERE order_id = $1 AND currency = $2 AND charged_minor - refunded_minor >= $3
RETURNING order_id
"""

# The balance, and what follows where it has moved: the transaction, and its two entries.
RECORD = """
WITH balance AS ({balance}), recorded AS (
    INSERT INTO payment.transactions (order_id, currency, amount_minor, kind, reference)
    SELECT order_id, $2, $3, $4, $5 FROM balance
    RETURNING *
), entered AS (
    INSERT INTO payment.entries (transaction_id, account, amount_minor)
    SELECT transaction_id, entry.*
      FROM recorded, (VALUES ($6::text, $3::bigint), ($7, -$3)) AS entry
)
SELECT * FROM recorded
"""

CHARGE = RECORD.format(balance=OPEN_BALANCE)
REFUND = RECORD.format(balance=TAKE_FROM_BALANCE)

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

# How each kind is recorded, the account that it debits, and the one that it credits.
KINDS = {"charge": (CHARGE, "cash", "sales"), "refund": (REFUND, "sales_returns", "cash")}


class NothingToPay(Problem, status=409):
    """The order comes to nothing: there is nothing to pay.

    There is nothing to do: such an order is paid as soon as it is placed.
    """


class AmountMismatch(Problem, status=422):
    """The amount is not the one that is expected, or is in another currency.

    Send the amount and the currency that the members name.
    """

    expected: str
    """What the amount has to be."""
    currency: str


class AlreadyCharged(Problem, status=409):
    """This order is charged already.

    There is nothing to do: transaction_id is its charge.
    """

    transaction_id: UUID


class RefundExceedsCharge(Problem, status=409):
    """More would be refunded than was charged and is not refunded yet.

    Refund what refundable names at most.
    """

    refundable: str
    """What can be given back at most."""
    currency: str

    def __init__(self, refundable_minor: int, currency: str, *, charged: bool) -> None:
        refundable = to_major(refundable_minor, currency)
        detail = f"{refundable} {currency} can be refunded at most."
        super().__init__(detail, refundable=refundable, currency=currency)
        # What is refundable only shrinks, but an order without a charge may still get one.
        self.remembered = charged


def amount_of(new: NewTransaction) -> int:
    """The amount in minor units. Raises InvalidRequest for too many decimals, and for a refund of
    nothing: a charge of nothing depends on the order."""
    minor = to_minor(new.amount, new.currency)
    if minor == 0 and new.kind == "refund":
        raise invalid("#/amount", "A refund must be of more than nothing.")
    return minor


def must_match(new: NewTransaction, order: Order) -> None:
    """A charge is of all that the order comes to. Raises UnknownOrderStatus, NothingToPay,
    AmountMismatch."""
    if order.status not in orders.KNOWN:
        raise UnknownOrderStatus(order_status=order.status)
    if order.total == 0:
        raise NothingToPay()
    if (new.amount, new.currency) != (order.total, order.currency):
        raise mismatch(format(order.total, "f"), order.currency)


def mismatch(expected: str, currency: str) -> AmountMismatch:
    detail = f"Expected {expected} {currency}."
    return AmountMismatch(detail, expected=expected, currency=currency)


async def record(db: Connection, new: NewTransaction, minor: int) -> Transaction:
    """Write a charge or a refund of so many minor units, in the caller's unit of work.

    Raises AlreadyCharged, RefundExceedsCharge, AmountMismatch (a refund in another currency).
    """
    query, debited, credited = KINDS[new.kind]
    row = await db.fetchrow(
        query, new.order_id, new.currency, minor, new.kind, new.reference, debited, credited
    )
    if row is None:
        raise await (_why_no_charge if new.kind == "charge" else _why_no_refund)(db, new)
    return as_transaction(row)


async def _why_no_charge(db: Connection, new: NewTransaction) -> Problem:
    charge = await db.fetchval(FIND_CHARGE, new.order_id)
    return AlreadyCharged(f"Transaction {charge} is its charge.", transaction_id=charge)


async def _why_no_refund(db: Connection, new: NewTransaction) -> Problem:
    row = await db.fetchrow(FIND_BALANCE, new.order_id)
    if row is None:
        return RefundExceedsCharge(0, new.currency, charged=False)
    if row["currency"] != new.currency:
        return mismatch(to_major(minor_left(row), row["currency"]), row["currency"])
    return RefundExceedsCharge(minor_left(row), row["currency"], charged=True)


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


async def find_balance(db: Connection, order_id: UUID, peer: Peer) -> Balance:
    """Raises NotFound when nothing was ever charged, unless there is nothing to charge."""
    row = await db.fetchrow(FIND_BALANCE, order_id)
    if row is None:
        return await _balance_of_nothing(order_id, peer)
    currency = row["currency"]
    return Balance(
        order_id=order_id,
        charged=to_major(row["charged_minor"], currency),
        refunded=to_major(row["refunded_minor"], currency),
        net=to_major(minor_left(row), currency),
        currency=currency,
    )


async def _balance_of_nothing(order_id: UUID, peer: Peer) -> Balance:
    """No charge is ever recorded of an order of nothing, and its balance is known all the same."""
    try:
        order = await orders.find(peer, order_id)
    except UnknownOrder:
        order = None
    if order is None or order.total > 0:
        raise NotFound(f"Nothing was charged for order {order_id}.")
    nothing = to_major(0, order.currency)
    return Balance(
        order_id=order_id,
        charged=nothing,
        refunded=nothing,
        net=nothing,
        currency=order.currency,
    )


def minor_left(balance: Record) -> int:
    """What was charged and is not refunded, in minor units."""
    left: int = balance["charged_minor"] - balance["refunded_minor"]
    return left


def as_transaction(row: Record) -> Transaction:
    amount = to_major(row["amount_minor"], row["currency"])
    return Transaction.model_validate({**row, "amount": amount})
