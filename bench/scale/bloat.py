"""Hot rows changed again and again: how large their tables and indexes become, and stay.

    python -m bench.scale.bloat [--updates N]

A thousand carts and a thousand SKUs, changed by what the services themselves run, idempotency keys
that come, are answered and go, and orders with their payments and jobs from their first state to
their last; in a PostgreSQL of its own that vacuums as often as one that has twelve times as much
time. In turns with it, the same in tables that have PostgreSQL's own settings. Fails where a table
as we set it grows in the second half: in all, or a row, where the rows become more.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from chassis import schema
from fleet import database
from fleet.postgres import Postgres
from fleet.services import ROOT

from .lives import KEYS, WORKERS, Rows, change, make

FOLDERS = [
    ROOT / f"{name}Service" for name in ("cart", "order", "payment", "fulfilment", "warehouse")
]
SAMPLES = 10
# What comes and goes takes the room of the most that were there at once, as many as that may be.
PASSING = (KEYS,)
GROWING = ("orders.orders", "payment.payments", "fulfilment.jobs")
TABLES = ("warehouse.stock", "cart.carts", "cart.cartlines", *PASSING, *GROWING)
# How much larger than half-way a table may be at the end; it breathes from vacuum to vacuum.
STEADY = 1.25

OURS, DEFAULT = "as we set it", "by default"

RESET = "ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor)"

MEASURE = """
SELECT relid::regclass::text AS table, n_live_tup AS rows, n_dead_tup AS dead, n_tup_upd AS updates,
       n_tup_hot_upd AS hot, pg_table_size(relid) AS table_bytes,
       pg_indexes_size(relid) AS index_bytes, autovacuum_count AS vacuums
  FROM pg_stat_user_tables WHERE relid = ANY ($1::text[]::regclass[])
 ORDER BY array_position($1, relid::regclass::text)
"""


class EagerPostgres(Postgres):
    """Vacuums every five seconds instead of every minute."""

    def _options(self) -> list[str]:
        return [*super()._options(), "-c", "autovacuum_naptime=5s"]


@dataclass(frozen=True)
class Measured:
    table: str
    rows: int
    dead: int
    updates: int
    hot: int
    table_bytes: int
    index_bytes: int
    vacuums: int
    # Rows at any reading so far.
    most_rows: int

    @property
    def size(self) -> float:
        """Of a row, where their number is not always the same."""
        whole = self.table_bytes + self.index_bytes
        if self.table in PASSING:
            return whole / self.most_rows
        return whole / self.rows if self.table in GROWING else whole

    def row(self) -> str:
        share = self.hot / self.updates if self.updates else 0.0
        return (
            f"{self.table:28}{self.updates:9}{share:7.2f}{self.rows:8}{self.dead:8}"
            f"{self.table_bytes / 2**20:8.1f}{self.index_bytes / 2**20:8.1f}{self.vacuums:8}"
        )


HEAD = f"{'updates':>9}{'HOT':>7}{'rows':>8}{'dead':>8}{'table':>8}{'index':>8}{'vacuumed':>9}"

Readings = dict[str, Measured]


@dataclass
class World:
    name: str
    pool: asyncpg.Pool
    rows: Rows
    readings: list[Readings]

    async def measure(self) -> None:
        found = await self.pool.fetch(MEASURE, TABLES)
        reading = {}
        for row in found:
            before = (each[row["table"]].rows for each in self.readings)
            reading[row["table"]] = Measured(**row, most_rows=max(row["rows"], *before, 1))
        self.readings.append(reading)
        print(f"{self.name:28}{HEAD}", flush=True)
        for each in self.readings[-1].values():
            print(each.row(), flush=True)


async def run(postgres: Postgres, updates: int) -> bool:
    """Whether all tables that we set are as large in the end as half-way, about."""
    async with AsyncExitStack() as stack:
        worlds = [await _world(postgres, stack, name) for name in (OURS, DEFAULT)]
        for sample in range(SAMPLES):
            for world in worlds if sample % 2 else worlds[::-1]:
                await change(world.pool, world.rows, updates // SAMPLES, seed=sample)
                await world.measure()
    print("\n".join(told(worlds)))
    return all(times <= STEADY for times in _growth(worlds[0]).values())


async def _world(postgres: Postgres, stack: AsyncExitStack, name: str) -> World:
    place = name.replace(" ", "_")
    await asyncio.to_thread(database.create, postgres.dsn(), place)
    dsn = postgres.dsn(place)
    await schema.apply(dsn, FOLDERS, {})
    pool = await asyncpg.create_pool(dsn, min_size=WORKERS, max_size=WORKERS)
    await stack.enter_async_context(pool)
    if name == DEFAULT:
        for table in TABLES:
            await pool.execute(RESET.format(table=table))
    return World(name, pool, await make(pool), [])


def _growth(world: World) -> dict[str, float]:
    """How many times as large each table is at the end as half-way."""
    half, end = world.readings[SAMPLES // 2 - 1], world.readings[-1]
    return {table: end[table].size / half[table].size for table in TABLES}


def told(worlds: Sequence[World]) -> Iterator[str]:
    """Lines: each table at the end, as we set it and by default."""
    yield f"{'':28}{OURS:>26}{DEFAULT:>26}{'ours to default':>18}"
    yield f"{'':28}" + f"{'HOT':>8}{'MiB':>9}{'of half':>9}" * len(worlds)
    grown = [_growth(world) for world in worlds]
    for table in TABLES:
        ends = [world.readings[-1][table] for world in worlds]
        columns = "".join(
            f"{end.hot / end.updates:8.2f}{(end.table_bytes + end.index_bytes) / 2**20:9.1f}"
            f"{growth[table]:9.2f}"
            for end, growth in zip(ends, grown, strict=True)
        )
        ours, default = (end.size for end in ends)
        yield f"{table:28}{columns}{ours / default:18.2f}"
    yield f"As we set it, none may be more than {STEADY} times as large as half-way."


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale.bloat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--updates", type=int, default=200_000, help="of each table, in each world")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        postgres = EagerPostgres(Path(folder), durable=False)
        postgres.prepare()
        with postgres.launch() as guard:
            try:
                postgres.wait_until_ready(guard.poll)
                return 0 if asyncio.run(run(postgres, options.updates)) else 1
            finally:
                guard.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
