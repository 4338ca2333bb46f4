"""One PostgreSQL with a database of each size, and a fleet on each."""

import asyncio
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chassis import schema
from fleet import console, database
from fleet.postgres import Postgres
from fleet.services import ROOT, SERVICES

from ..machine import memory_bytes
from ..stand import CountingPostgres, Running, execute, running
from .filling import WORLD, Size, fill

FOLDERS = [ROOT / service.folder for service in SERVICES]
APART = 20


class FillingPostgres(Postgres):
    """Loses everything in a crash, and writes no more than it must."""

    def _options(self) -> list[str]:
        more = ("wal_level=minimal", "max_wal_senders=0", "max_wal_size=8GB", "autovacuum=off")
        return [*super()._options(), *(word for each in more for word in ("-c", each))]


class LargePostgres(CountingPostgres):
    """A quarter of the machine's memory is its own, as PostgreSQL's manual advises (19.4), and the
    worlds share it."""

    def _options(self) -> list[str]:
        megabytes = memory_bytes() // 4 // 2**20
        return [*super()._options(), "-c", f"shared_buffers={megabytes}MB"]


@dataclass(frozen=True)
class Stand:
    """`postgres` is the process that all of PostgreSQL descends from; `dsns` are a superuser's."""

    postgres: int
    dsns: Mapping[Size, str]
    fleets: Mapping[Size, Running]


@contextmanager
def stand(folder: Path, base: int, sizes: Sequence[Size]) -> Iterator[Stand]:
    """In this folder, which keeps the databases: filled once, they are only brought forward, until
    worlds are made up otherwise.

    Raises Failure when something does not start.
    """
    missing = [size for size in sizes if not _mark(folder, size).exists()]
    with server(FillingPostgres(folder, durable=False)) as (postgres, _):
        for size in missing:
            with console.step(f"Filling {size.products:,} products, {size.orders:,} orders"):
                _fill(postgres, folder, size)
    with server(LargePostgres(folder)) as (postgres, pid), ExitStack() as stack:
        dsns = {size: postgres.dsn(_name(size)) for size in sizes}
        fleets: dict[Size, Running] = {}
        for place, (size, dsn) in enumerate(dsns.items()):
            asyncio.run(schema.apply(dsn, FOLDERS, {}))
            own = folder / size.name
            own.mkdir(exist_ok=True)
            # The roles are the server's, and so are their passwords.
            for other in fleets.values():
                shutil.copy(other.folder / "secrets.json", own)
            up = running("fleet", own, base + place * APART, SERVICES, DATABASE_URL=dsn)
            fleets[size] = stack.enter_context(up)
        yield Stand(pid, dsns, fleets)


@contextmanager
def server(postgres: Postgres) -> Iterator[tuple[Postgres, int]]:
    postgres.prepare()
    with postgres.launch() as guard:
        try:
            postgres.wait_until_ready(guard.poll)
            yield postgres, guard.pid
        finally:
            guard.terminate()


def _fill(postgres: Postgres, folder: Path, size: Size) -> None:
    name = _name(size)
    # What a filling that was cut off has left goes.
    asyncio.run(execute(postgres.dsn(), f"DROP DATABASE IF EXISTS {name}"))
    database.create(postgres.dsn(), name)
    dsn = postgres.dsn(name)
    asyncio.run(schema.apply(dsn, FOLDERS, {}))
    asyncio.run(fill(dsn, size))
    _mark(folder, size).touch()


def _name(size: Size) -> str:
    return f"shop_{size.products}_{size.orders}"


def _mark(folder: Path, size: Size) -> Path:
    """There once the world is filled, as it is made up now: another one is filled anew."""
    made_up = b"".join(file.read_bytes() for file in sorted(WORLD.glob("*.sql")))
    return folder / f"{_name(size)}-{hashlib.sha256(made_up).hexdigest()[:16]}.filled"
