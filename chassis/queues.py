"""What lies unfinished: how much of it, and for how long the oldest.

Counted when somebody asks for the metrics, by one statement, at most every few seconds: a service
that nobody watches does nothing for it, and one that is asked all the time hardly more.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Gauge

from .database import ANY_FAILURE, Database

ITEMS = Gauge("queue_items", "Unfinished work, counted up to ten thousand.", ("queue",))
OLDEST = Gauge("queue_oldest_age_seconds", "How old the oldest of it is.", ("queue",))

FRESH_SECONDS = 4.0
PATIENCE_SECONDS = 1.0

COUNT = """
SELECT '{name}' AS name, count(*) AS items,
       coalesce(extract(epoch FROM now() - min(since)), 0)::float8 AS age
  FROM ({rows} LIMIT 10000) AS waiting (since)
"""


@dataclass(frozen=True)
class Queue:
    """Work of one kind that waits. `rows` selects, by an index, since when each row does."""

    name: str
    rows: str


class Queues:
    """All of one service's."""

    def __init__(self, database: Database, queues: Sequence[Queue]) -> None:
        self._database = database
        self._names = [queue.name for queue in queues]
        counts = (COUNT.format(name=queue.name, rows=queue.rows) for queue in queues)
        self._query = " UNION ALL ".join(counts)
        self._counted = -math.inf

    async def measure(self) -> None:
        """Bring the gauges up to date; what cannot be counted now is not a number."""
        if time.monotonic() - self._counted < FRESH_SECONDS:
            return
        self._counted = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                rows = await self._database.fetch(self._query)
        except ANY_FAILURE:
            rows = []
        found = {row["name"]: (row["items"], row["age"]) for row in rows}
        for name in self._names:
            items, age = found.get(name, (math.nan, math.nan))
            ITEMS.labels(name).set(items)
            OLDEST.labels(name).set(age)
