"""Fixtures for every test: a real PostgreSQL, and services with fake peers.

A service's own tests ask for `service` (its address space is one process, its peers are a
function). What PostgreSQL they get is one server a test process: the embedded one, a container
(`--postgres=container`), or the one that TEST_DATABASE_URL names.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from testcontainers.community.postgres import PostgresContainer

from chassis import schema
from chassis.app import ServiceApp, load_app
from fleet.postgres import embedded
from fleet.services import BY_NAME, ROOT


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fleet", choices=("embedded", "compose"), default="embedded")
    parser.addoption("--postgres", choices=("embedded", "container"), default="embedded")
    parser.addoption("--prometheus", action="store_true", help="also what needs its programs")
    parser.addoption("--races", choices=("few", "some", "full"), default="few")


PASSWORD = "for-tests"  # noqa: S105  # of roles on servers that live as long as a test run

PeerHandler = Callable[[httpx.Request], httpx.Response]


def with_database(dsn: str, database: str, role: str | None = None) -> str:
    """The DSN, for another database and, if named, another role."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    login = f"{role}:{PASSWORD}@" if role else parts.netloc.removesuffix(host)
    return urlunsplit(parts._replace(netloc=f"{login}{host}", path=f"/{database}"))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of a superuser on a PostgreSQL that these tests may do anything to."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    if request.config.getoption("--postgres") == "container":
        with PostgresContainer("postgres:18", driver=None) as container:
            yield container.get_connection_url()
        return
    # Not below pytest's own folder: a second run as root would shut the server's user out of it.
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded(Path(folder), durable=False) as server,
    ):
        yield server.dsn


@dataclass
class Databases:
    """One database a service, made when a test first asks for it, and emptied for each test.

    Emptying takes 3 ms, over a connection that stays. Cloning a template takes a hundred times
    that.
    """

    dsn: str
    runner: asyncio.Runner
    emptying: dict[str, tuple[asyncpg.Connection, str]] = field(default_factory=dict)

    def of(self, folder: Path) -> str:
        """The DSN of this service's database, with its schema and no rows."""
        name = schema.name_of(folder)
        dsn = with_database(self.dsn, f"test_{name}_{os.getpid()}")
        self.runner.run(self._empty(name) if name in self.emptying else self._make(dsn, folder))
        return dsn

    async def _make(self, dsn: str, folder: Path) -> None:
        name = schema.name_of(folder)
        await run_sql(self.dsn, f"CREATE DATABASE {urlsplit(dsn).path.lstrip('/')}")
        await schema.apply(dsn, [folder], {name: PASSWORD, "auditor": PASSWORD})
        connection = await asyncpg.connect(dsn)
        self.emptying[name] = connection, await connection.fetchval(EMPTYING, name)

    async def _empty(self, name: str) -> None:
        connection, statements = self.emptying[name]
        await connection.execute(statements)

    async def close(self) -> None:
        for connection, _ in self.emptying.values():
            await connection.close()


# As a replica would: no trigger refuses, and no foreign key wants an order.
EMPTYING = """
SELECT 'SET session_replication_role = replica;'
       || string_agg(format('DELETE FROM %I.%I;', schemaname, tablename), '')
       || (SELECT format('UPDATE fleet.schema_versions SET checksum = %L', checksum)
             FROM fleet.schema_versions WHERE service = $1)
  FROM pg_tables WHERE schemaname NOT IN ('fleet', 'pg_catalog', 'information_schema')
"""


async def run_sql(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def databases(postgres: str) -> Iterator[Databases]:
    with asyncio.Runner() as runner:
        databases = Databases(postgres, runner)
        yield databases
        runner.run(databases.close())


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of the service whose tests these are."""
    match = re.search(r"(\w+Service)/tests/", str(request.path))
    assert match is not None, "the fixture `service` is for tests in <service>/tests/"
    return ROOT / match[1]


@pytest.fixture
def database_url(databases: Databases, folder: Path) -> str:
    """An empty database for this test, as a superuser sees it."""
    return databases.of(folder)


@pytest.fixture
def peers() -> PeerHandler:
    """Every peer of the service under test, as one function; override it where there are any."""

    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"nobody answers {request.url}")

    return nobody


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings of the service under test beside the usual ones; override it to add some."""
    return {}


@pytest.fixture
async def service(
    folder: Path,
    database_url: str,
    peers: PeerHandler,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service under test, which runs on a database of its own."""
    monkeypatch.setenv("DATABASE_URL", as_service(database_url, folder))
    for peer in BY_NAME[schema.name_of(folder)].calls:
        monkeypatch.setenv(BY_NAME[peer].url_variable, f"http://{peer}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = load_app(folder.name)
    app.peer_transport = httpx.MockTransport(peers)
    async with running(app) as client:
        yield client


def as_service(database_url: str, folder: Path) -> str:
    """The database as the service's own role sees it."""
    database = urlsplit(database_url).path.lstrip("/")
    return with_database(database_url, database, f"{schema.name_of(folder)}_app")


@asynccontextmanager
async def running(app: ServiceApp) -> AsyncIterator[httpx.AsyncClient]:
    """Start an application in this process; yields its client. It ends as a server would end it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


async def samples(service: httpx.AsyncClient) -> list[Sample]:
    """Every value on a service's page of metrics."""
    page = (await service.get("/metrics")).text
    return [each for family in text_string_to_metric_families(page) for each in family.samples]


async def metric(service: httpx.AsyncClient, name: str, **labels: str) -> float:
    """One value of them; nothing where it has not been counted yet."""
    found = await samples(service)
    return sum(each.value for each in found if (each.name, each.labels) == (name, labels))
