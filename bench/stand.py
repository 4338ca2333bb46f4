"""The test stand: one PostgreSQL, the fleet on one database of it, the floor on a copy."""

import asyncio
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis import schema
from fleet import database
from fleet.failure import Failure
from fleet.logs import last_lines
from fleet.postgres import Postgres
from fleet.services import ROOT, SERVICES, Service

from . import catalogue
from .catalogue import World
from .floor import PLAIN_FASTAPI

FLEET, FLOOR = "fleet", "floor"
DATABASES = {FLEET: "shop", FLOOR: "floor"}
# How far the floor's ports are from the fleet's.
APART = 20
READY_SECONDS = 60.0
END_SECONDS = 40.0


class CountingPostgres(Postgres):
    """The embedded one, with statistics of statements, and connections enough for two fleets."""

    def _options(self) -> list[str]:
        more = ("shared_preload_libraries=pg_stat_statements", "max_connections=240")
        return [*super()._options(), *(word for each in more for word in ("-c", each))]


@dataclass(frozen=True)
class Running:
    """The fleet, or the floor."""

    folder: Path
    urls: dict[str, str]
    supervisor: int
    ready_after: float

    def pids(self) -> dict[str, int]:
        """The processes of its services, and its PostgreSQL's if it has its own."""
        return {path.stem: int(path.read_text()) for path in sorted(self.folder.glob("pids/*.pid"))}


@dataclass(frozen=True)
class Stand:
    """`dsn` is a superuser's; `postgres` is the process that all of PostgreSQL descends from."""

    dsn: str
    postgres: int
    fleet: Running
    floor: Running
    world: World


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A new folder for as long as the block lasts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stand(folder: Path, base: int, products: int, *, durable: bool = True) -> Iterator[Stand]:
    """All of it for as long as the block lasts, in a new folder, from the port base on.

    Raises Failure when something does not start.
    """
    folder.mkdir(parents=True)
    with server(folder, durable=durable) as (postgres, pid):
        dsn = postgres.dsn()
        shop, floor = (postgres.dsn(name) for name in DATABASES.values())
        world = _databases(dsn, shop, products)
        with running("fleet", folder / FLEET, base, SERVICES, DATABASE_URL=shop) as fleet:
            (folder / FLOOR).mkdir()
            # The roles are the server's, and so are their passwords.
            shutil.copy(folder / FLEET / "secrets.json", folder / FLOOR)
            services = (*SERVICES, PLAIN_FASTAPI)
            with running(
                "bench.floor", folder / FLOOR, base + APART, services, DATABASE_URL=floor
            ) as bare:
                yield Stand(dsn, pid, fleet, bare, world)


@contextmanager
def server(folder: Path, *, durable: bool) -> Iterator[tuple[Postgres, int]]:
    postgres = CountingPostgres(folder, durable=durable)
    postgres.prepare()
    with postgres.launch() as guard:
        try:
            postgres.wait_until_ready(guard.poll)
            yield postgres, guard.pid
        finally:
            guard.terminate()


def _databases(dsn: str, shop: str, products: int) -> World:
    """Both databases, with the same in them."""
    database.create(dsn, DATABASES[FLEET])
    asyncio.run(schema.apply(shop, [ROOT / service.folder for service in SERVICES], {}))
    world = asyncio.run(catalogue.fill(shop, products))
    copy = f"CREATE DATABASE {DATABASES[FLOOR]} TEMPLATE {DATABASES[FLEET]}"
    asyncio.run(execute(dsn, copy, "CREATE EXTENSION pg_stat_statements"))
    return world


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def running(
    module: str, folder: Path, base: int, services: Sequence[Service], **environment: str
) -> Iterator[Running]:
    """`python -m <module> up` until the block ends. Raises Failure when it does not get ready."""
    folder.mkdir(parents=True, exist_ok=True)
    # What ends us otherwise than Ctrl-C does would leave it running, for it does not hear of that.
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, signal.default_int_handler)
    urls = {service.name: f"http://127.0.0.1:{service.port(base)}" for service in services}
    own = {"PORT_BASE": str(base), "DATA_DIR": str(folder), **environment}
    log = folder / "up.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "up"],
            cwd=ROOT,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us, who then stop everything in order
        )
    try:
        _wait_until_ready(process, urls, log)
        yield Running(folder, urls, process.pid, time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(END_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[bytes]", urls: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = list(urls.values())
    while waiting := [url for url in waiting if not _is_ready(url)]:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"It does not start.\n{last_lines(log)}")
        time.sleep(0.01)  # between two looks; READY_SECONDS bounds them all


def _is_ready(url: str) -> bool:
    try:
        status, _ = ask(f"{url}/readyz", seconds=2)
    except (OSError, http.client.HTTPException):
        return False
    return status == 200


def ask(url: str, seconds: float) -> tuple[int, bytes]:
    """The status and the body, for as little as it takes: what asks is measured beside.

    Raises OSError or http.client.HTTPException.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=seconds)
    try:
        connection.request("GET", address.path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
