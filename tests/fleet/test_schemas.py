"""All ten schemas in one database, applied by what `make up` and Compose apply them by."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from chassis import schema
from conftest import run_sql, with_database
from fleet import database
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
        await _each_to_itself(dsn)
    finally:
        await run_sql(postgres, "DROP DATABASE all_ten WITH (FORCE)")


GRANTED = """
SELECT relnamespace::regnamespace::text AS schema, relname,
       array_agg(DISTINCT rolname::text) AS roles
  FROM pg_class, aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
 WHERE relkind = 'r' AND rolname LIKE '%\\_app'
 GROUP BY 1, 2
"""


async def _each_to_itself(dsn: str) -> None:
    """No table is two services', not in the schema either that two of them share."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(GRANTED)
    finally:
        await connection.close()
    schemas = {f"{service.name}_app": service.schema for service in SERVICES}
    assert {role for table in tables for role in table["roles"]} == set(schemas)
    for table in tables:
        (role,) = table["roles"]
        assert table["schema"] == schemas[role], table["relname"]


class Ended(Exception):
    """Somebody has waited long enough."""


def test_a_long_migration_is_told_and_can_be_ended(
    postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(database, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(database, "TELL_SECONDS", 0.1)
    said = ""

    def pause(_: float) -> None:
        nonlocal said
        said += capsys.readouterr().out
        if "for 0 s" in said:
            raise Ended

    asyncio.run(run_sql(postgres, "CREATE DATABASE long_one"))
    dsn = with_database(postgres, "long_one")
    try:
        with _held(dsn), pytest.raises(Ended):
            database.apply_schemas(dsn, FOLDERS, {}, pause)
        assert asyncio.run(_value(dsn, "SELECT to_regnamespace('cart')")) is None
        database.apply_schemas(dsn, FOLDERS, {})
    finally:
        asyncio.run(run_sql(postgres, "DROP DATABASE long_one WITH (FORCE)"))


@contextmanager
def _held(dsn: str) -> Iterator[None]:
    """Another one is applying its schemas, and takes its time."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        try:
            runner.run(connection.execute(f"SELECT pg_advisory_lock({schema.LOCK})"))
            yield
        finally:
            runner.run(connection.close())


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
