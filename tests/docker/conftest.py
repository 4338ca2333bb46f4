"""What needs Docker: collected for `--postgres=container` only."""

from collections.abc import Iterator

import pytest
from testcontainers.community.postgres import PostgresContainer

from tests.fleets import Fleet, data_folder, embedded_fleet

DATA = "/var/lib/postgresql"
LOG = "/wal"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.getoption("--postgres") == "container" else True


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresContainer]:
    """A server with little room for its data. Its log is elsewhere: without room for that it
    stops, as it must."""
    small = PostgresContainer("postgres:18", driver=None)
    small.with_env("POSTGRES_INITDB_ARGS", f"--waldir={LOG}/pg_wal")
    small.with_tmpfs_mount(DATA, "size=160m").with_tmpfs_mount(LOG, "size=1500m,mode=1777")
    with small:
        yield small


@pytest.fixture(scope="module")
def fleet(server: PostgresContainer) -> Iterator[Fleet]:
    """Ten services on that server."""
    dsn = server.get_connection_url()
    with data_folder() as folder, embedded_fleet(folder, DATABASE_URL=dsn) as running:
        yield running
