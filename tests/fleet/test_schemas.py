"""All ten schemas in one database, applied by what `make up` and Compose apply them by."""

import asyncio

import asyncpg

from chassis import schema
from conftest import run_sql, with_database
from fleet.services import ROOT, SERVICES
from tests.contents import shape

FOLDERS = [ROOT / service.folder for service in SERVICES]
PASSWORDS = dict.fromkeys(["auditor", *(service.name for service in SERVICES)], "for-tests")

TRACED = ("orders.orders", "payment.payments", "payment.refunds", "fulfilment.jobs")


def test_applying_again_changes_nothing_and_loses_nothing(postgres: str) -> None:
    """Each time in a session of its own, as it happens: an extension is not loaded in it yet."""
    asyncio.run(_apply_twice(postgres))


async def _apply_twice(postgres: str) -> None:
    dsn = with_database(postgres, "all_ten")
    await run_sql(postgres, "CREATE DATABASE all_ten")
    try:
        await schema.apply(dsn, FOLDERS, PASSWORDS)
        before = await _shape(dsn)
        await run_sql(
            dsn,
            "INSERT INTO warehouse.stock (sku, on_hand) VALUES ('KEPT', 5)",
            "UPDATE fleet.schema_versions SET checksum = 'older'",
            # As they were before they had it.
            *(f"ALTER TABLE {table} DROP COLUMN traceparent" for table in TRACED),
        )
        await schema.apply(dsn, FOLDERS, PASSWORDS)
        assert await _shape(dsn) == before
        assert await _value(dsn, "SELECT on_hand FROM warehouse.stock WHERE sku = 'KEPT'") == 5
        count = "SELECT count(*) FROM fleet.schema_versions WHERE checksum <> 'older'"
        assert await _value(dsn, count) == len(SERVICES)
    finally:
        await run_sql(postgres, "DROP DATABASE all_ten WITH (FORCE)")


async def _shape(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return await shape(connection)
    finally:
        await connection.close()


async def _value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
