"""What a backup holds, and where it may be restored. That it is of one moment, and that a fleet
runs on it: tests/journeys/test_backup.py."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis import schema
from conftest import PASSWORD, run_sql, with_database
from fleet import backup, erased, restore
from fleet.deployment import Local, ask
from fleet.failure import Failure
from fleet.services import ROOT, SERVICES
from tests.contents import columns, rows, shape

from .test_audit import sql

Contents = tuple[set[str], dict[str, list[str]]]


@dataclass(frozen=True)
class Saved:
    source: Local
    file: Path

    def elsewhere(self) -> Local:
        """A database that is not there yet, on the same server."""
        return replace(self.source, dsn=with_database(self.source.dsn, name()))


def name() -> str:
    return f"backup_{secrets.token_hex(6)}"


async def _contents(dsn: str) -> Contents:
    db = await asyncpg.connect(dsn)
    try:
        return await shape(db), await rows(db, await columns(db))
    finally:
        await db.close()


@pytest.fixture(scope="module")
def saved(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    """A shop in which somebody has bought something, and its backup."""
    source = Local({}, with_database(postgres, name()), {})
    ask(source, f"CREATE DATABASE {source.database}", database="postgres")
    folders = [ROOT / service.folder for service in SERVICES]
    passwords = dict.fromkeys(["auditor", *(service.name for service in SERVICES)], PASSWORD)
    asyncio.run(schema.apply(source.dsn, folders, passwords))
    world = (ROOT / "tests/fleet/world.sql").read_text(encoding="utf-8")
    asyncio.run(run_sql(source.dsn, sql(world)))
    file = tmp_path_factory.mktemp("backups") / "shop.dump"
    backup.back_up(source, file)
    yield Saved(source, file)
    drop(source)


def drop(database: Local) -> None:
    ask(database, f"DROP DATABASE {database.database} WITH (FORCE)", database="postgres")


def test_everything_is_there_again_and_nothing_else(saved: Saved) -> None:
    target = saved.elsewhere()
    restore.restore(target, saved.file)
    try:
        assert asyncio.run(_contents(target.dsn)) == asyncio.run(_contents(saved.source.dsn))
    finally:
        drop(target)


def test_a_backup_is_for_its_owner_only_and_has_no_password(saved: Saved) -> None:
    assert saved.file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD.encode() not in saved.file.read_bytes()
    assert [path.name for path in saved.file.parent.iterdir()] == [saved.file.name]


def test_what_is_not_empty_is_left_alone_unless_told(saved: Saved) -> None:
    target = saved.elsewhere()
    ask(target, f"CREATE DATABASE {target.database}", database="postgres")
    try:
        ask(target, "CREATE TABLE precious (thing text)")
        with pytest.raises(Failure, match="is not empty"):
            restore.restore(target, saved.file)
        assert ask(target, "SELECT count(*) FROM precious") == "0"
        restore.restore(target, saved.file, overwrite=True)
        assert ask(target, "SELECT to_regclass('public.precious')") == ""
        assert ask(target, "SELECT count(*) FROM warehouse.stock") != "0"
    finally:
        drop(target)


def test_half_a_backup_replaces_nothing(saved: Saved, tmp_path: Path) -> None:
    half = tmp_path / "half.dump"
    half.write_bytes(saved.file.read_bytes()[: saved.file.stat().st_size // 3])
    before = asyncio.run(_contents(saved.source.dsn))
    with pytest.raises(Failure):
        restore.restore(saved.source, half, overwrite=True)
    assert asyncio.run(_contents(saved.source.dsn)) == before


def test_what_is_no_backup_is_refused(saved: Saved, tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text("DROP TABLE everything;")
    with pytest.raises(Failure, match="is not a backup"):
        restore.restore(saved.elsewhere(), tmp_path / "shop.sql")


def test_a_backup_that_fails_leaves_no_file(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="does not exist"):
        backup.back_up(saved.elsewhere(), tmp_path / "shop.dump")
    assert list(tmp_path.iterdir()) == []


def test_who_was_erased_since_is_erased_again(saved: Saved, tmp_path: Path) -> None:
    """By the list, and by what the database in whose place it comes still knows."""
    target, kept = saved.elsewhere(), tmp_path / "backups" / erased.NAME
    restore.restore(target, saved.file)
    try:
        ada, grace = (ask(target, INSERT.format(who=who)) for who in ("ada", "grace"))
        file = tmp_path / "later.dump"
        backup.back_up(target, file)
        ask(target, ERASE.format(who=ada))
        assert erased.keep(target, kept) == len(erased.listed(kept)) >= 1
        ask(target, ERASE.format(who=grace))
        gone = erased.listed(kept)
        assert UUID(ada) in gone
        assert UUID(grace) not in gone
        # One table fewer, as in an older version.
        assert restore.restore(target, file, overwrite=True, gone=gone) == 2
        assert set(ask(target, "SELECT customer_id FROM customer.to_erase").split()) == {ada, grace}
        # Nobody who came later is named, and nobody is taken off the list.
        assert erased.keep(target, kept) == len(gone)
        assert kept.stat().st_mode & 0o777 == 0o600
    finally:
        drop(target)


def test_a_backup_of_an_older_version_has_nowhere_to_note_it(saved: Saved, tmp_path: Path) -> None:
    target = saved.elsewhere()
    restore.restore(target, saved.file)
    try:
        ada, file = ask(target, INSERT.format(who="ada")), tmp_path / "older.dump"
        ask(target, "DROP TABLE customer.to_erase")
        backup.back_up(target, file)
        assert restore.restore(target, file, overwrite=True, gone=[UUID(ada), uuid4()]) == 1
        owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'to_erase'"
        assert ask(target, owner) == "customer_owner"
    finally:
        drop(target)


def test_a_list_that_is_none_stops_the_restore(tmp_path: Path) -> None:
    (tmp_path / erased.NAME).write_text("ada@example.org\n")
    with pytest.raises(Failure, match="is not a list"):
        erased.listed(tmp_path / erased.NAME)


INSERT = """
INSERT INTO customer.customers (email, name) VALUES ('{who}@later.example', '{who}')
RETURNING customer_id
"""
ERASE = """
UPDATE customer.customers SET email = NULL, name = NULL, erased_at = now()
 WHERE customer_id = '{who}'
"""
