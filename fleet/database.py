"""What the fleet asks of its PostgreSQL before the services start, whoever runs it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from . import console
from .failure import Failure

# While schemas are applied.
LOOK_SECONDS, TELL_SECONDS = 0.5, 10.0

NOT_YET = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
)


def dsn_for(dsn: str, role: str, password: str) -> str:
    """The same database for another role."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}"))


def wait_for(
    dsn: str,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,  # for who need not hear signals meanwhile
) -> None:
    """Return as soon as the server lets us in.

    Raises Failure when it refuses, or has not answered in `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return asyncio.run(_connect(dsn, max(deadline - time.monotonic(), 0.1)))
        except NOT_YET as error:
            if time.monotonic() > deadline:
                why = str(error) or "no answer"
                raise Failure(f"does not answer within {seconds:.0f} s ({why}).") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise Failure(f"refuses: {error}.") from error
        pause(0.02)  # between two looks; `seconds` bounds them all


async def _connect(dsn: str, seconds: float) -> None:
    connection = await asyncpg.connect(dsn, timeout=seconds)
    await connection.close(timeout=seconds)


def create(dsn: str, name: str) -> None:
    asyncio.run(_create(dsn, name))


async def _create(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def apply_schemas(
    dsn: str,
    folders: Sequence[Path],
    passwords: Mapping[str, str],
    pause: Callable[[float], None] = time.sleep,  # for who need not hear signals meanwhile
) -> None:
    """However long that takes: an index on millions of rows, cut off, would only be begun anew.

    Raises Failure when the server is too old, or its role may not do what it must, and whatever
    `pause` raises to end it.
    """
    from chassis import schema

    try:
        asyncio.run(_attended(schema.apply(dsn, folders, passwords), pause))
    except asyncpg.InsufficientPrivilegeError as error:
        raise Failure(f"The role of DATABASE_URL must be able to create roles: {error}.") from error
    except TimeoutError as error:
        raise Failure("The schemas could not be applied: no answer.") from error
    except (schema.SchemaError, asyncpg.PostgresError, OSError) as error:
        raise Failure(f"The schemas could not be applied: {error}") from error


async def _attended(work: Coroutine[Any, Any, None], pause: Callable[[float], None]) -> None:
    """Say now and then that it is still at it, and look whether somebody wants it to end."""
    task, began, told = asyncio.create_task(work), time.monotonic(), 0
    while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
        pause(0.001)
        spent = time.monotonic() - began
        if spent >= (told + 1) * TELL_SECONDS:
            told += 1
            console.say(f"\n  {f'… large tables, for {spent:.0f} s':34}", end="")
    await task
