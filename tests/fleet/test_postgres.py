"""The embedded PostgreSQL by itself, as the test suites use it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from fleet import account, postgres
from fleet.database import dsn_for

from .conftest import ROOT, Fleet, eventually

HOLDER = """
import sys
from pathlib import Path
from fleet.postgres import embedded

with embedded(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def test_durable_unless_told_otherwise(tmp_path: Path) -> None:
    for durable, wanted in ((True, "on"), (False, "off")):
        with postgres.embedded(tmp_path, durable=durable) as server:
            for setting in postgres.DURABILITY:
                assert asyncio.run(ask(server.dsn, f"SHOW {setting}")) == wanted


def test_strangers_are_asked_for_the_password(tmp_path: Path) -> None:
    with postgres.embedded(tmp_path, durable=False) as server:
        stranger = dsn_for(server.dsn, "postgres", "guessed")
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(ask(stranger, "SELECT 1"))
        assert asyncio.run(ask(server.dsn, "SHOW listen_addresses")) == ""


def test_letters_beyond_ascii_are_letters(tmp_path: Path) -> None:
    with postgres.embedded(tmp_path, durable=False) as server:
        words = asyncio.run(ask(server.dsn, "SELECT to_tsvector('simple', 'Crème brûlée')::text"))
        assert words == "'brûlée':2 'crème':1"


def test_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    with postgres.embedded(folder, durable=False) as server:
        assert asyncio.run(ask(server.dsn, "SELECT 1")) == 1


def test_it_ends_with_the_process_that_holds_it(fleet: Fleet) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(fleet.data)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline().startswith("postgresql://")
        assert fleet.processes()
        holder.kill()
    eventually(lambda: fleet.processes() == [])


def test_only_the_way_is_opened_for_another_account(tmp_path: Path) -> None:
    closed, inner = tmp_path / "closed", tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    closed.chmod(0o700)
    inner.chmod(0o755)
    stranger = account.Account("stranger", 54321, 54321)
    assert closed in account.open_paths(stranger, [inner / "data"])
    assert closed.stat().st_mode & 0o777 == 0o701
    assert account.open_paths(stranger, [inner / "data"]) == []
