"""Restores a backup into a server whose services are stopped: `python -m fleet.restore FILE`.

It goes into a database beside the one there is, and takes its place when it is whole.
"""

import argparse
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from . import console, database, deployment, erased, instance
from .backup import run
from .deployment import Deployment, Login, ask
from .failure import Failure
from .postgres import embedded
from .services import SERVICES
from .settings import Settings
from .up import GIVEN_SERVER_SECONDS

# How each file of pg_dump's custom format begins.
MAGIC = b"PGDMP"

OPTIONS = ("--exit-on-error", "--verbose")

ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF;
END $$;
"""

# As when a schema is applied: its owner makes what stands in it.
OWNER = """
GRANT {owner} TO CURRENT_USER;
GRANT CREATE ON DATABASE "{database}" TO {owner};
"""

TABLES = """
SELECT count(*) FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'fleet')
"""


def restore(
    target: Deployment, file: Path, *, overwrite: bool = False, gone: Collection[UUID] = ()
) -> int:
    """Raises Failure; then what was there before is there still.

    Returns how many are to be erased again: those of `gone`, and of the database that it replaces,
    who were not erased yet when the backup was made.
    """
    _refuse_no_backup(file)
    if not overwrite:
        _refuse_full(target)
    gone = {*gone, *_erased_in(target)}
    beside = f"{target.database}_restored"
    _ask(target, f'DROP DATABASE IF EXISTS "{beside}"')
    _ask(target, f'CREATE DATABASE "{beside}"')
    try:
        _fill(target, beside, file)
        again = erased.mark(target, gone, database=beside)
        _ask(target, f'DROP DATABASE IF EXISTS "{target.database}"')
        _ask(target, f'ALTER DATABASE "{beside}" RENAME TO "{target.database}"')
    finally:
        _ask(target, f'DROP DATABASE IF EXISTS "{beside}"')
    return again


def _erased_in(target: Deployment) -> set[UUID]:
    there = _ask(target, "SELECT datname FROM pg_database").split("\n")
    return erased.ids_in(target) if target.database in there else set()


def _fill(target: Deployment, beside: str, file: Path) -> None:
    for statement in _roles(beside):
        _ask(target, statement)
    with console.step("Rows"), file.open("rb") as source:
        login = Login(database=beside)
        run(target.program("pg_restore", *OPTIONS, login=login), source=source)
    with console.step("Statistics for the planner"):
        ask(target, "ANALYZE", database=beside)


def _roles(name: str) -> Iterator[str]:
    """Without passwords: each start sets them, from its own secrets."""
    for owner in sorted({f"{service.schema}_owner" for service in SERVICES}):
        yield ROLE.format(role=owner) + OWNER.format(owner=owner, database=name)
    for role in ("auditor", *(f"{service.name}_app" for service in SERVICES)):
        yield ROLE.format(role=role)


def _ask(target: Deployment, statement: str) -> str:
    """Asked in a database that is not the one at hand, and that every server has."""
    return ask(target, statement, database="postgres")


def _refuse_no_backup(file: Path) -> None:
    if not file.is_file():
        raise Failure(f"There is no file {file}.")
    with file.open("rb") as source:
        if source.read(len(MAGIC)) != MAGIC:
            raise Failure(f"{file} is not a backup that `make backup` has made.")


def _refuse_full(target: Deployment) -> None:
    there = _ask(target, "SELECT datname FROM pg_database").split("\n")
    if target.database in there and ask(target, TABLES) != "0":
        raise Failure(
            f"The database {target.database} is not empty. To put the backup in its place, and "
            "lose what it holds: OVERWRITE=1"
        )


@contextmanager
def stopped(settings: Settings) -> Iterator[Deployment]:
    """The PostgreSQL of `make up`, for as long as the block lasts, without the services."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.database_url:
        database.wait_for(settings.database_url, GIVEN_SERVER_SECONDS)
        yield deployment.local(settings, {})
        return
    # For us alone: it listens on no port, wherever it usually does.
    alone = replace(settings, postgres_port=None)
    with instance.claim(alone), embedded(settings.data_dir):
        yield deployment.local(alone, {})


@contextmanager
def stopped_containers() -> Iterator[Deployment]:
    """The PostgreSQL of Compose, which is left running; its services must be stopped."""
    if others := deployment.running_containers() - {"postgres"}:
        raise Failure(f"Still running: {', '.join(sorted(others))}. Stop them: docker compose stop")
    with console.step("PostgreSQL"):
        deployment.compose("up", "--detach", "--wait", "postgres")
    yield deployment.containers(os.environ)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.restore", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--overwrite", action="store_true", help="in the place of what is there")
    parser.add_argument(
        "--erased", type=Path, metavar="LIST", help=f"by default {erased.NAME}, beside FILE"
    )
    parser.add_argument("--compose", action="store_true", help="into the PostgreSQL of Compose")
    chosen = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
        beside = chosen.file.absolute().with_name(erased.NAME)
        known = chosen.erased or (beside if beside.exists() else None)
        gone = erased.listed(known) if known else set()
        server = stopped_containers() if chosen.compose else stopped(settings)
        with server as target:
            again = restore(target, chosen.file.absolute(), overwrite=chosen.overwrite, gone=gone)
    except instance.AlreadyRunning:
        console.complain("The fleet runs. Stop it first, so that nobody writes: make down")
        return 1
    except (Failure, OSError) as error:
        console.complain(f"Not restored: {error}")
        return 1
    if again:
        console.say(f"{again} were erased since the backup, and are again as soon as it starts.")
    if known is None:
        console.say("There is no list of who was erased: others may be there again. ERASED=…")
    console.say(f"Restored. Start it: {'docker compose up' if chosen.compose else 'make up'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
