"""The pool, the unit of work, and what PostgreSQL's errors mean to a caller."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg

from .context import current
from .problems import DependencyUnavailable, InvalidRequest, Overloaded, Problem

POSTGRESQL = "postgresql"

# Long enough to ride out a burst, short enough that a caller's deadline still means something.
ACQUIRE_SECONDS = 2.0
STATEMENT_SECONDS = 2.0


class Connection(Protocol):
    """What an aggregate needs of PostgreSQL: a unit of work's connection, or the whole pool."""

    async def execute(self, query: str, *args: Any) -> str: ...
    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]: ...
    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...


class Database:
    """A service's pool. Each method of its own is one statement, committed by itself.

    Connects when first asked, so that a service starts while PostgreSQL is away.
    """

    def __init__(self, dsn: str, *, name: str, size: int) -> None:
        self._dsn = dsn
        self._name = name
        self._size = size
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            timeout=ACQUIRE_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            # Sessions carry no state, so the round trip that would reset it is saved.
            reset=_keep_session,
            server_settings={"application_name": self._name},
        )

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    def terminate(self) -> None:
        if self._pool is not None:
            self._pool.terminate()

    @property
    def pool(self) -> asyncpg.Pool:
        if self._pool is None:
            raise RuntimeError("the database is used before it is opened")
        return self._pool

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection from the pool.

        Raises Overloaded when all of them are busy, DependencyUnavailable when PostgreSQL does
        not answer; neither waits longer than the request's deadline.
        """
        connection = await self._connection()
        try:
            yield connection
        finally:
            await self.pool.release(connection, timeout=ACQUIRE_SECONDS)

    async def _connection(self) -> asyncpg.pool.PoolConnectionProxy:
        patience = max(0.01, min(ACQUIRE_SECONDS, current().remaining()))
        try:
            return await self.pool.acquire(timeout=patience)
        except TimeoutError as error:
            busy = self.pool.get_size() >= self._size and self.pool.get_idle_size() == 0
            raise Overloaded() if busy else DependencyUnavailable(POSTGRESQL) from error

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[Connection]:
        """All of what is written inside, or none of it. Committed when the block ends."""
        async with self.acquire() as connection, connection.transaction():
            yield connection

    async def execute(self, query: str, *args: Any) -> str:
        async with self.acquire() as connection:
            return await connection.execute(query, *args)

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        async with self.acquire() as connection:
            return await connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args)


async def _keep_session(_: asyncpg.Connection) -> None:
    return None


UNAVAILABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,  # 08xxx
    asyncpg.InvalidAuthorizationSpecificationError,  # 28xxx, while roles are being made
    asyncpg.InvalidCatalogNameError,  # 3D000, while the database is being made
    asyncpg.UndefinedTableError,  # 42P01, while the schema is being applied
    asyncpg.InsufficientResourcesError,  # 53xxx: disk full, out of connections
    asyncpg.OperatorInterventionError,  # 57xxx: shutting down, starting up
    asyncpg.ReadOnlySQLTransactionError,  # 25006
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_BUSY: tuple[type[Exception], ...] = (
    asyncpg.QueryCanceledError,  # 57014: statement_timeout
    asyncpg.LockNotAvailableError,  # 55P03: lock_timeout
    asyncpg.DeadlockDetectedError,  # 40P01
    asyncpg.SerializationError,  # 40001
)

_ANY_FAILURE: tuple[type[Exception], ...] = (Problem, asyncpg.PostgresError, *UNAVAILABLE)


def problem_of(error: BaseException) -> Problem | None:
    """What to tell the caller about a failed statement; None where it is our own mistake."""
    if isinstance(error, _BUSY):
        return Overloaded()
    if isinstance(error, UNAVAILABLE):
        return DependencyUnavailable(POSTGRESQL)
    if isinstance(error, asyncpg.DataError):
        return InvalidRequest("A value cannot be stored: it is too large or malformed.")
    return None


def constraint_of(error: asyncpg.IntegrityConstraintViolationError) -> str:
    """The name of the constraint that refused a row."""
    return str(error.constraint_name or "")


async def answers(database: Database, within_seconds: float) -> bool:
    """Whether PostgreSQL runs a statement for this service's role in that time."""
    context = current()
    context.deadline = min(context.deadline, time.monotonic() + within_seconds)
    try:
        return bool(await database.fetchval("SELECT true"))
    except _ANY_FAILURE:
        return False
