"""Fills databases of any size in minutes: rows are made by PostgreSQL from numbers, side by side.

Constraints are checked as ever, but for foreign keys and triggers, which the audit stands in for.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import asyncpg

from fleet.services import SERVICES

from ..catalogue import IN_STOCK, MATERIALS, STYLES, THINGS

WORLD = Path(__file__).with_name("world")
AT_A_TIME = 2
END = "2026-01-01T00:00:00Z"
SYLLABLES = " ".join(consonant + vowel for consonant in "bdfgjklmnprstvwz" for vowel in "aeio")

SETTINGS = """
SET session_replication_role = replica;  -- no trigger, and no foreign key asks row by row
SET work_mem = '256MB'; SET maintenance_work_mem = '512MB';
SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0;
"""

# Those that are no constraint's: they are made in one go when the rows are there.
INDEXES = """
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class relation ON relation.oid = indrelid
 WHERE relnamespace::regnamespace::text = ANY ($1)
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
 ORDER BY pg_get_indexdef(indexrelid) LIKE '%gin%' DESC
"""
SCHEMAS = sorted({service.schema for service in SERVICES})

# What takes longest comes first.
PARTS = (
    *("search", "cart", "orders", "fulfilment", "warehouse"),
    *("transaction", "payment", "shipping", "product", "customer"),
)


@dataclass(frozen=True)
class Size:
    products: int
    customers: int
    orders: int

    @property
    def name(self) -> str:
        return f"{self.products // 1000:,}k".replace(",000k", "M")


def sql_of(part: str, size: Size) -> str:
    return Template((WORLD / f"{part}.sql").read_text()).substitute(
        products=size.products,
        customers=size.customers,
        orders=size.orders,
        end=END,
        in_stock=IN_STOCK,
        styles=_one_line(STYLES),
        materials=MATERIALS,
        things=_one_line(THINGS),
        syllables=SYLLABLES,
    )


def _one_line(words: str) -> str:
    return " ".join(words.split())


async def fill(dsn: str, size: Size) -> None:
    """Fill a database that has its schemas and no rows."""
    db = await asyncpg.connect(dsn)
    try:
        indexes = await db.fetch(INDEXES, SCHEMAS)
        for drop, _ in indexes:
            await db.execute(drop)
        await db.execute(SETTINGS + sql_of("1-shapes", size))
        await _side_by_side(dsn, [sql_of(f"2-{part}", size) for part in PARTS])
        await db.execute("DROP SCHEMA scale CASCADE")
        await _side_by_side(dsn, [create for _, create in indexes])
        await _side_by_side(dsn, await _vacuums(db))
    finally:
        await db.close()


async def _vacuums(db: asyncpg.Connection) -> Sequence[str]:
    tables = await db.fetch(
        "SELECT format('VACUUM (FREEZE, ANALYZE) %I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname = ANY ($1)",
        SCHEMAS,
    )
    return [row[0] for row in tables]


async def _side_by_side(dsn: str, statements: Iterable[str]) -> None:
    waiting = list(statements)[::-1]

    async def work() -> None:
        db = await asyncpg.connect(dsn)
        try:
            await db.execute(SETTINGS)
            while waiting:
                await db.execute(waiting.pop())
        finally:
            await db.close()

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
