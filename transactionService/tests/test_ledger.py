"""What PostgreSQL itself refuses, whatever the code above it does."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

OPEN = """
WITH balance AS (
    INSERT INTO payment.balances (order_id, currency, charged_minor)
    VALUES (uuidv7(), 'EUR', 1000) RETURNING order_id)
SELECT order_id FROM balance
"""

CHARGE = """
INSERT INTO payment.transactions (order_id, kind, amount_minor, currency)
VALUES ($1, 'charge', 1000, 'EUR') RETURNING transaction_id
"""

ENTER = "INSERT INTO payment.entries (transaction_id, account, amount_minor) VALUES ($1, $2, $3)"

BALANCED = [("cash", 1000), ("sales", -1000)]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with the rights of the service."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE transaction_app")
    yield connection
    await connection.close()


async def charge(db: asyncpg.Connection, entries: list[tuple[str, int]]) -> str:
    async with db.transaction():
        transaction_id: str = await db.fetchval(CHARGE, await db.fetchval(OPEN))
        for account, amount in entries:
            await db.execute(ENTER, transaction_id, account, amount)
    return transaction_id


async def count(db: asyncpg.Connection) -> int:
    rows: int = await db.fetchval("SELECT count(*) FROM payment.transactions")
    return rows


async def test_balanced_entries_are_taken(db: asyncpg.Connection) -> None:
    await charge(db, BALANCED)
    assert await count(db) == 1


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [("cash", 1000)],
        [("cash", 1000), ("sales", -999)],
        [("cash", 900), ("sales", -900)],
        [*BALANCED, ("sales_returns", 1)],
    ],
)
async def test_entries_that_do_not_balance_are_refused(
    db: asyncpg.Connection, entries: list[tuple[str, int]]
) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="do not balance"):
        await charge(db, entries)
    assert await count(db) == 0


async def test_entry_that_comes_later_is_refused(db: asyncpg.Connection) -> None:
    transaction_id = await charge(db, BALANCED)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="do not balance"):
        await db.execute(ENTER, transaction_id, "sales_returns", 5)


CHANGES = [
    "UPDATE payment.transactions SET amount_minor = 1",
    "DELETE FROM payment.transactions",
    "TRUNCATE payment.transactions CASCADE",
    "UPDATE payment.entries SET amount_minor = 1",
    "DELETE FROM payment.entries",
    "TRUNCATE payment.entries",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_service_may_not_change_the_ledger(db: asyncpg.Connection, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(change)


@pytest.mark.parametrize("change", CHANGES)
async def test_not_even_the_owner_changes_the_ledger(db: asyncpg.Connection, change: str) -> None:
    await charge(db, BALANCED)
    await db.execute("RESET ROLE; SET ROLE payment_owner")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
        await db.execute(change)


@pytest.mark.parametrize("refunded", [-1, 1001])
async def test_refunds_stay_within_the_charge(db: asyncpg.Connection, refunded: int) -> None:
    await charge(db, BALANCED)
    with pytest.raises(asyncpg.CheckViolationError):
        await db.execute("UPDATE payment.balances SET refunded_minor = $1", refunded)


async def test_what_was_charged_stays(db: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("UPDATE payment.balances SET charged_minor = 1")


async def test_order_has_one_charge(db: asyncpg.Connection) -> None:
    await charge(db, BALANCED)
    order_id = await db.fetchval("SELECT order_id FROM payment.balances")
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(CHARGE, order_id)


async def test_transaction_is_in_the_currency_of_its_order(db: asyncpg.Connection) -> None:
    order_id = await db.fetchval(OPEN)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await db.execute(CHARGE.replace("EUR", "USD"), order_id)
