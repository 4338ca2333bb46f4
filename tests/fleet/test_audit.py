"""The audit bites: for every invariant, something that breaks it is planted, and found."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from string import Template
from uuid import NAMESPACE_OID, uuid5

import asyncpg
import pytest
from prometheus_client import REGISTRY

from chassis import schema
from conftest import PASSWORD, run_sql, with_database
from fleet import audit
from fleet import auditor as auditing
from fleet.services import ROOT, SERVICES

from .violations import VIOLATIONS

EVERYTHING = [*audit.safety(), *audit.liveness()]
BY_NAME = {each.name: each for each in EVERYTHING}
# A throwaway server does without durability, and the audit says so.
NOT_DURABLE = {"durable"}

# Foreign keys and triggers are off in the sessions that plant; these would still refuse.
LAWS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
  FROM pg_constraint
 WHERE contype IN ('f', 'c', 'u', 'p') AND connamespace::regnamespace::text = ANY ($1)
 ORDER BY array_position('{f,c,u,p}', contype)
"""
UNIQUE_INDEXES = """
SELECT format('DROP INDEX %s', indexrelid::regclass)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
 WHERE indisunique AND relnamespace::regnamespace::text = ANY ($1)
"""


class Names(dict[str, str]):
    """An id for every name that the world and its violations mention."""

    def __missing__(self, name: str) -> str:
        return str(uuid5(NAMESPACE_OID, name))


def sql(text: str) -> str:
    return Template(text).substitute(Names(long_ago="now() - interval '11 seconds'"))


@pytest.fixture(scope="module")
def world(postgres: str) -> Iterator[str]:
    """A database with all ten schemas, in which everything adds up."""
    database = f"world_{secrets.token_hex(6)}"
    asyncio.run(_make_world(postgres, database))
    yield with_database(postgres, database)
    asyncio.run(run_sql(postgres, f"DROP DATABASE {database} WITH (FORCE)"))


@pytest.fixture(scope="module")
def lawless(postgres: str, world: str) -> Iterator[str]:
    """The same without its constraints: what they keep out can be planted there."""
    database = f"lawless_{secrets.token_hex(6)}"
    asyncio.run(_make_lawless(postgres, world, database))
    yield with_database(postgres, database)
    asyncio.run(run_sql(postgres, f"DROP DATABASE {database} WITH (FORCE)"))


@pytest.fixture
async def db(lawless: str) -> AsyncIterator[asyncpg.Connection]:
    """Whatever is planted is gone afterwards."""
    connection = await asyncpg.connect(lawless)
    work = connection.transaction()
    await work.start()
    await connection.execute("SET LOCAL session_replication_role = replica")
    yield connection
    await work.rollback()
    await connection.close()


async def _make_world(postgres: str, database: str) -> None:
    dsn = with_database(postgres, database)
    await run_sql(postgres, f"CREATE DATABASE {database}")
    passwords = {each.name: PASSWORD for each in SERVICES} | {"auditor": PASSWORD}
    await schema.apply(dsn, [ROOT / each.folder for each in SERVICES], passwords)
    await run_sql(dsn, sql(Path(__file__).with_name("world.sql").read_text(encoding="utf-8")))


async def _make_lawless(postgres: str, world: str, database: str) -> None:
    await run_sql(postgres, f"CREATE DATABASE {database} TEMPLATE {world.rpartition('/')[2]}")
    connection = await asyncpg.connect(with_database(postgres, database))
    schemas = list({each.schema for each in SERVICES})
    for laws in (LAWS, UNIQUE_INDEXES):
        for (law,) in await connection.fetch(laws, schemas):
            await connection.execute(law)
    await connection.close()


def auditor(world: str) -> str:
    return with_database(world, world.rpartition("/")[2], "auditor")


async def test_where_everything_adds_up_nothing_is_reported(world: str) -> None:
    findings = await audit.audit(auditor(world), EVERYTHING)
    assert {each.invariant.name for each in findings if each.violations} <= NOT_DURABLE


async def test_it_changes_nothing(world: str) -> None:
    vandal = audit.Invariant("vandal", "", "DELETE FROM orders.orders RETURNING *")
    db = await asyncpg.connect(auditor(world))
    with pytest.raises(asyncpg.PostgresError):
        await audit.check(db, [vandal])
    await db.close()


async def test_it_has_longer_than_a_service(world: str) -> None:
    """On a busy machine it is not always heard of within a service's five seconds."""
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    bounds = ", ".join(f"current_setting('{name}') AS {name}" for name in names)
    db = await asyncpg.connect(auditor(world))
    (finding,) = await audit.check(db, [audit.Invariant("bounds", "", f"SELECT {bounds}")])
    await db.close()
    assert [finding.examples[0][name] for name in names] == ["0", "1min"]


def test_every_invariant_is_broken_by_some_violation() -> None:
    assert {each.name for each in EVERYTHING} - VIOLATIONS.keys() == NOT_DURABLE
    assert len(BY_NAME) == len(EVERYTHING)


async def test_durability_is_looked_at(db: asyncpg.Connection) -> None:
    await db.execute("SET LOCAL synchronous_commit = off")
    assert (await audit.look(db, BY_NAME["durable"])).violations


async def test_durability_is_looked_at_for_each_role(db: asyncpg.Connection) -> None:
    await db.execute("ALTER ROLE cart_app SET synchronous_commit = off")
    finding = await audit.look(db, BY_NAME["durable"])
    assert "cart_app" in {row["whom"] for row in finding.examples}


@pytest.mark.parametrize(
    ("name", "number"),
    [(name, number) for name, plants in VIOLATIONS.items() for number in range(len(plants))],
)
async def test_a_violation_is_found(db: asyncpg.Connection, name: str, number: int) -> None:
    await db.execute(sql(VIOLATIONS[name][number]))
    assert (await audit.look(db, BY_NAME[name])).violations


async def test_only_the_first_few_are_shown(db: asyncpg.Connection) -> None:
    await db.execute(
        "INSERT INTO warehouse.stock (sku, on_hand)"
        " SELECT 'SKU-' || number, -1 FROM generate_series(1, 9) number"
    )
    finding = await audit.look(db, BY_NAME["stock-bounds"])
    assert finding.violations == 9
    assert len(finding.examples) == 5


def test_the_verdict_and_the_exit_status(
    lawless: str, world: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDIT_DATABASE_URL", auditor(world))
    status = audit.main(["--safety-only"])
    said = capsys.readouterr().out
    assert "draft-finished" not in said
    assert f"of {len(audit.safety())} invariants are broken." in said
    assert status == int("BROKEN" in said)

    asyncio.run(run_sql(lawless, "UPDATE warehouse.stock SET on_hand = -1"))
    monkeypatch.setenv("AUDIT_DATABASE_URL", auditor(lawless))
    assert audit.main([]) == 1
    said = capsys.readouterr().out
    assert "BROKEN stock-bounds" in said
    assert "sku=BOWL, on_hand=-1, reserved=5" in said


def shown(kind: str, invariant: str) -> float | None:
    labels = {"kind": kind, "invariant": invariant}
    return REGISTRY.get_sample_value("invariant_violations", labels)


def test_the_auditor_shows_every_invariant(lawless: str, world: str) -> None:
    auditing.look({"AUDIT_DATABASE_URL": auditor(world)})
    assert all(shown("always", each.name) == 0 for each in audit.safety() if each.name != "durable")
    assert all(shown("soon", each.name) == 0 for each in audit.liveness())
    assert (REGISTRY.get_sample_value("audit_last_success_timestamp_seconds") or 0) > 0
    asyncio.run(run_sql(lawless, "UPDATE warehouse.stock SET on_hand = -1"))
    auditing.look({"AUDIT_DATABASE_URL": auditor(lawless)})
    assert (shown("always", "stock-bounds") or 0) > 0


def test_a_database_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDIT_DATABASE_URL", "postgresql://auditor:secret@127.0.0.1:1/shop")
    assert audit.main([]) == 2
    said = capsys.readouterr().err
    assert "The audit cannot reach the database" in said
    assert "secret" not in said
