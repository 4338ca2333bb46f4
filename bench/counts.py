"""How many statements, and how many calls to peers, an operation takes."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from .load import Generator, Run
from .operations import ITEMS
from .stand import DATABASES, FLEET, Running, Stand, ask, execute

# So many of each, one after the other; three additions make a cart.
TIMES = 20
IDLE_SECONDS = 2.0

STATEMENTS = """
SELECT queryid, min(query) AS query, sum(calls)::int AS calls
  FROM pg_stat_statements JOIN pg_database ON dbid = pg_database.oid
 WHERE datname = $1
 GROUP BY queryid
"""

PEER_CALLS = re.compile(r"^http_client_request_duration_seconds_count\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Counts:
    """What one operation takes; the calls are None where nobody counts them."""

    statements: float
    peer_calls: float | None


def switch_counting(stand: Stand, *, on: bool) -> None:
    """Off while time is taken: counting costs."""
    track = f"ALTER SYSTEM SET pg_stat_statements.track = '{'top' if on else 'none'}'"
    asyncio.run(execute(stand.dsn, track, "SELECT pg_reload_conf()"))


@dataclass(frozen=True)
class Statement:
    """`number` is PostgreSQL's for this statement, the same in a copy of the database. The text
    may have its constants as they stand or as parameters, as it happens."""

    number: int
    text: str
    calls: int


def statements(stand: Stand, target: str) -> list[Statement]:
    """What has run in a target's database since counting was last forgotten."""

    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(stand.dsn)
        try:
            return await connection.fetch(STATEMENTS, DATABASES[target])
        finally:
            await connection.close()

    return [Statement(*row) for row in asyncio.run(ask())]


def forget(stand: Stand) -> None:
    asyncio.run(execute(stand.dsn, "SELECT pg_stat_statements_reset()"))


def count(
    stand: Stand, generator: Generator, target: str, operations: Sequence[str]
) -> dict[str, Counts]:
    """By operation. What the target does by itself meanwhile is taken off."""
    idle = Tally(stand, target)
    time.sleep(IDLE_SECONDS)  # the span itself: what sweeps do in it, unasked, is counted
    idle_statements, idle_calls, idle_seconds = idle.since()
    counted = {}
    for name in operations:
        tally = Tally(stand, target)
        most = TIMES * ITEMS if name == "cart add" else TIMES
        done = generator.run(Run(name, target, 1, seconds=60, seed=0, most=most))
        made, calls, seconds = tally.since()
        share, times = seconds / idle_seconds, max(len(done.latencies), 1)
        counted[name] = Counts(
            statements=round((made - idle_statements * share) / times, 1),
            peer_calls=round((calls - idle_calls * share) / times, 1) if target == FLEET else None,
        )
    return counted


class Tally:
    """Counts from when it is made."""

    def __init__(self, stand: Stand, target: str) -> None:
        self._stand, self._target = stand, target
        forget(stand)
        self._calls = peer_calls(stand.fleet)
        self._began = time.monotonic()

    def since(self) -> tuple[int, float, float]:
        """Statements, calls to peers, and seconds."""
        made = sum(each.calls for each in statements(self._stand, self._target))
        calls = peer_calls(self._stand.fleet) - self._calls
        return made, calls, time.monotonic() - self._began


def peer_calls(fleet: Running) -> float:
    """All that the fleet's services have made so far, as their metrics tell."""
    pages = (page(f"{url}/metrics") for url in fleet.urls.values())
    return sum(float(calls) for page in pages for calls in PEER_CALLS.findall(page))


def page(url: str) -> str:
    """What a service of the stand answers. Raises OSError, also where that is not
    200, or http.client.HTTPException."""
    status, body = ask(url, seconds=5)
    if status != 200:
        raise OSError(f"{url} answered {status}")
    return body.decode()
