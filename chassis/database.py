"""The pool, the unit of work, and what PostgreSQL's errors mean to a caller."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from . import metrics, tracing
from .context import current
from .problems import DependencyUnavailable, InvalidRequest, Overloaded, Problem

POSTGRESQL = "postgresql"

# Long enough to ride out a burst, short enough that a caller's deadline still means something.
ACQUIRE_SECONDS = 2.0
STATEMENT_SECONDS = 2.0

# What a request keeps of its time for saying that PostgreSQL has not answered.
MARGIN_SECONDS = 0.05


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

    def __init__(
        self, dsn: str, *, name: str, size: int, session: Mapping[str, str] | None = None
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._size = size
        self._session = session or {}
        self._pool: asyncpg.Pool | None = None
        # Connections that stay ours between two uses: to give one back to the pool and take it
        # again costs more than most statements. Whoever waits at the pool comes first.
        self._at_hand: list[asyncpg.pool.PoolConnectionProxy] = []
        self._waiting = 0
        self._clearing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            timeout=ACQUIRE_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            # Sessions carry no state, so the round trip that would reset it is saved.
            reset=_keep_session,
            init=tracing.watch if tracing.on() else None,
            # Times come as JSON too, with the offset of the session's zone.
            server_settings={"application_name": self._name, "timezone": "UTC", **self._session},
        )
        self._show()

    def _show(self) -> None:
        """What the pool is at, whenever somebody asks for the metrics."""
        metrics.POOL_MAX.set(self._size)
        metrics.POOL_PENDING.set_function(lambda: self._waiting)
        metrics.POOL.labels("idle").set_function(self._idle)
        metrics.POOL.labels("used").set_function(lambda: self.pool.get_size() - self._idle())

    def _idle(self) -> int:
        return int(self.pool.get_idle_size()) + len(self._at_hand)

    async def close(self) -> None:
        while self._at_hand:
            await self.pool.release(self._at_hand.pop())
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
    async def unit_of_work(self, *, recorded: bool = True) -> AsyncIterator[Connection]:
        """All of what is written inside, or none of it. Committed when the block ends, together
        with the caller's entry in the audit log, if one is due, and unless `recorded` is false.

        Raises Overloaded when all connections are busy, DependencyUnavailable when PostgreSQL
        lets nobody in, and TimeoutError when it stops answering, before the request's deadline.
        """
        connection = await self._acquire()
        try:
            work = _Bounded(connection)
            await work.execute("BEGIN")
            yield work
            written = recorded and await _record(work)
            if (said := await work.execute("COMMIT")) != "COMMIT":
                raise RuntimeError(f"{said}: what failed inside the unit of work was swallowed")
            if written:
                current().entry = None
        except BaseException as error:
            await self._put_right(connection, "ROLLBACK", error)
            raise
        await self._give_back(connection)

    async def _acquire(self) -> asyncpg.pool.PoolConnectionProxy:
        while self._at_hand:
            connection = self._at_hand.pop()
            if not connection.is_closed():
                return connection
            await self.pool.release(connection)
        started = time.perf_counter()
        self._waiting += 1
        try:
            return await self.pool.acquire(timeout=_patience(ACQUIRE_SECONDS))
        except TimeoutError as error:
            busy = self.pool.get_size() >= self._size and self.pool.get_idle_size() == 0
            raise Overloaded() if busy else DependencyUnavailable(POSTGRESQL) from error
        finally:
            self._waiting -= 1
            metrics.POOL_WAIT.observe(time.perf_counter() - started)

    async def _give_back(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        if self._waiting:
            await self.pool.release(connection)
        else:
            self._at_hand.append(connection)

    async def _put_right(
        self, connection: asyncpg.pool.PoolConnectionProxy, undo: str, error: BaseException
    ) -> None:
        """Have a connection undo what failed on it. After a timeout PostgreSQL may not answer this
        either, and the caller has waited long enough."""
        clearing = self._clear_soon(connection, undo)
        if not isinstance(error, TimeoutError | asyncio.CancelledError):
            await asyncio.wait({clearing}, timeout=max(0.0, current().remaining()))

    def _clear_soon(
        self, connection: asyncpg.pool.PoolConnectionProxy, undo: str
    ) -> asyncio.Task[None]:
        clearing = asyncio.create_task(self._clear(connection, undo))
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)
        return clearing

    async def _clear(self, connection: asyncpg.pool.PoolConnectionProxy, undo: str) -> None:
        """Give a connection back whose last statement may still run: the next one waits for it."""
        try:
            await connection.execute(undo)
        except ANY_FAILURE:
            with suppress(asyncpg.InterfaceError):  # it is gone already
                connection.terminate()
        finally:
            await self.pool.release(connection)

    async def execute(self, query: str, *args: Any) -> str:
        return str(await self._alone("execute", query, args))

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._alone("fetch", query, args)
        return rows

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        row: asyncpg.Record | None = await self._alone("fetchrow", query, args)
        return row

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self._alone("fetchval", query, args)

    async def _alone(self, method: str, query: str, args: tuple[Any, ...]) -> Any:
        if (entry := current().entry) is not None and entry.changing:
            async with self.unit_of_work() as work:
                return await getattr(work, method)(query, *args)
        connection = await self._acquire()
        try:
            result = await getattr(connection, method)(query, *args, timeout=_patience())
        except BaseException as error:
            # A statement that does nothing: asyncpg cannot read the answer to an empty one.
            await self._put_right(connection, "SELECT", error)
            raise
        await self._give_back(connection)
        return result


@dataclass(slots=True)
class _Bounded:
    """A connection whose statements end before the request's deadline."""

    connection: asyncpg.pool.PoolConnectionProxy

    async def execute(self, query: str, *args: Any) -> str:
        return await self.connection.execute(query, *args, timeout=_patience())

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        return await self.connection.fetch(query, *args, timeout=_patience())

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        return await self.connection.fetchrow(query, *args, timeout=_patience())

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self.connection.fetchval(query, *args, timeout=_patience())


async def _record(work: Connection) -> bool:
    """Write the request's entry in the audit log, in its first unit of work that changes something.
    Returns whether it was written."""
    entry = current().entry
    return entry is not None and await entry.write(work)


def _patience(longest: float = STATEMENT_SECONDS) -> float:
    return max(MARGIN_SECONDS, min(longest, current().remaining() - MARGIN_SECONDS))


async def _keep_session(_: asyncpg.Connection) -> None:
    return None


UNAVAILABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InvalidAuthorizationSpecificationError,  # class 28, while roles are being made
    asyncpg.InvalidCatalogNameError,  # 3D000, while the database is being made
    asyncpg.UndefinedTableError,  # 42P01, while the schema is being applied
    asyncpg.InsufficientResourcesError,  # class 53: disk full, out of connections
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up
    asyncpg.PostgresSystemError,  # class 58: the disk fails
    asyncpg.IdleInTransactionSessionTimeoutError,  # 25P03: we were suspended in the middle
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

ANY_FAILURE: tuple[type[Exception], ...] = (Problem, asyncpg.PostgresError, *UNAVAILABLE)


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


async def state(database: Database, within_seconds: float) -> str:
    """`ok` where PostgreSQL runs a statement for this service's role in that time, and would let
    it write; else what is wrong."""
    context = current()
    context.deadline = min(context.deadline, time.monotonic() + within_seconds)
    try:
        read_only = await database.fetchval("SHOW transaction_read_only")
    except ANY_FAILURE:
        return "does not answer"
    return "is read-only" if read_only == "on" else "ok"
