"""Every version that was released comes forward: its schemas, with rows of real purchases."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from chassis import schema
from conftest import PASSWORD, run_sql, with_database
from fleet import audit
from fleet.services import ROOT, SERVICES
from tests.contents import columns, rows, shape

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.glob("[0-9]*"))
PASSWORDS = dict.fromkeys(["auditor", *(service.name for service in SERVICES)], PASSWORD)
ALL = tuple(service.folder for service in SERVICES)

# A throwaway server does without durability.
NOT_HERE = {"durable"}


@asynccontextmanager
async def database(postgres: str) -> AsyncIterator[str]:
    name = f"upgrade_{secrets.token_hex(6)}"
    await run_sql(postgres, f"CREATE DATABASE {name}")
    try:
        yield with_database(postgres, name)
    finally:
        await run_sql(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def differences(
    postgres: str, old: Path, today: Path, services: Sequence[str] = ALL
) -> list[str]:
    """What is lost in an upgrade of these services, or other than in a new database."""
    async with database(postgres) as upgraded, database(postgres) as fresh:
        await apply(upgraded, old, services)
        await run_sql(upgraded, "SET session_replication_role = replica", *kept(old, services))
        async with session(upgraded) as db:
            had = await columns(db)
            before = await rows(db, had)
        await apply(upgraded, today, services)
        await apply(fresh, today, services)
        async with session(upgraded) as db, session(fresh) as new:
            now = await columns(db)
            if gone := [table for table in had if not {*had[table]} <= {*now.get(table, ())}]:
                return gone
            after = await rows(db, had)
            changed = [table for table in had if after[table] != before[table]]
            odd = sorted(await shape(db) ^ await shape(new))
            return [*changed, *odd, *(await broken(db) if services == ALL else [])]


async def apply(dsn: str, root: Path, services: Sequence[str]) -> None:
    await schema.apply(dsn, [root / folder for folder in services], PASSWORDS)


async def broken(db: asyncpg.Connection) -> list[str]:
    findings = await audit.check(db, audit.safety())
    return [each.invariant.name for each in findings if each.violations]


def kept(version: Path, services: Sequence[str]) -> Iterator[str]:
    """The statements that put the rows of these services' tables in."""
    tables = {table for folder in services for table in tables_of(version / folder)}
    for statement in (version / "rows.sql").read_text().split(";\n"):
        found = re.match(r"INSERT INTO (\S+) ", statement)
        if found and found[1] in tables:
            yield statement


def tables_of(folder: Path) -> list[str]:
    sql = (folder / "db" / "schema.sql").read_text()
    return re.findall(r"CREATE TABLE IF NOT EXISTS (\S+) ", sql)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_version_comes_forward_and_loses_no_row(postgres: str, version: str) -> None:
    found = asyncio.run(differences(postgres, HERE / version, ROOT))
    assert set(found) - NOT_HERE == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_rows_are_kept_of_every_table(version: str) -> None:
    for folder in ALL:
        kept_of = " ".join(kept(HERE / version, [folder]))
        for table in tables_of(HERE / version / folder):
            assert f"INSERT INTO {table} " in kept_of, table


CARELESS = {
    "a column that old tables do not get": ("order_id    uuid,", "order_id uuid, gift text,"),
    "a rule that old tables do not get": ("CHECK (version > 0)", "CHECK (version > 1)"),
    "a column that goes": ("GRANT", "ALTER TABLE cart.carts DROP COLUMN created_at; GRANT"),
    "rows that go": ("GRANT", "DELETE FROM cart.cartlines; GRANT"),
    "values that change": ("GRANT", "UPDATE cart.cartlines SET quantity = 9; GRANT"),
}


@pytest.mark.parametrize("change", CARELESS.values(), ids=CARELESS.keys())
def test_a_careless_change_is_noticed(
    postgres: str, tmp_path: Path, change: tuple[str, str]
) -> None:
    old = HERE / VERSIONS[0]
    careful = (old / "cartService/db/schema.sql").read_text()
    assert change[0] in careful
    (tmp_path / "cartService/db").mkdir(parents=True)
    (tmp_path / "cartService/db/schema.sql").write_text(careful.replace(*change, 1))
    assert asyncio.run(differences(postgres, old, tmp_path, ["cartService"]))


def test_no_change_is_none(postgres: str) -> None:
    old = HERE / VERSIONS[0]
    assert asyncio.run(differences(postgres, old, old, ["cartService"])) == []
