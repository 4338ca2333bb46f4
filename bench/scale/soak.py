"""Purchases for a long time: do the services stay as large as they are?

    python -m bench.scale.soak [--purchases N]

A fleet of its own, bought from by as many callers as it serves best. After each part the memory of
every process is read; a line is fitted to the second half. In the first one caches fill.
What was run is what is told: a short run says little about a long one.
"""

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

import asyncpg

from chassis import schema
from fleet import console, database
from fleet.failure import Failure
from fleet.services import ROOT, SERVICES

from .. import catalogue
from ..load import Generator, Run, generator
from ..report import say
from ..stand import CountingPostgres, Running, running
from ..startup import memory_of
from .stand import FOLDERS, server

PURCHASES, PARTS, CALLERS = 200_000, 40, 4
PORT_BASE = 18200
WARM_UP = 0.5
# Of all memory, over the second half.
FLAT = 0.05
# So many readings make two halves.
ENOUGH = 4

CHANGED = """
SELECT relid::regclass::text AS table, n_tup_upd::float8 / $1 AS updates,
       n_tup_hot_upd::float8 / n_tup_upd AS hot, pg_table_size(relid)::float8 / $1 AS table_bytes,
       pg_indexes_size(relid)::float8 / $1 AS index_bytes, n_dead_tup::float8 / n_live_tup AS dead
  FROM pg_stat_user_tables WHERE n_tup_upd > $1 AND n_live_tup > 0 ORDER BY updates DESC
"""


@dataclass(frozen=True)
class Reading:
    """Memory in bytes (PSS), by process, after so many purchases."""

    purchases: int
    seconds: float
    memory: dict[str, int]

    @property
    def services(self) -> int:
        return sum(self.memory[service.name] for service in SERVICES)


def soak(load: Generator, fleet: Running, purchases: int) -> Iterator[Reading]:
    """Buys, and reads the memory after each part. Raises Failure when purchases fail."""
    began, done = time.monotonic(), 0
    part = max(purchases // PARTS, 1)
    while done < purchases:
        run = Run("purchase", "fleet", CALLERS, seconds=3600, seed=done, most=part)
        result = load.run(run)
        done += len(result.latencies)
        if result.failed:
            raise Failure(f"Purchases failed: {dict(result.failed)}.")
        reading = Reading(done, time.monotonic() - began, memory_of(fleet))
        console.say(f"  {done:8,} purchases, services {reading.services / 2**20:.1f} MiB")
        yield reading


def told(readings: Sequence[Reading]) -> Iterator[str]:
    """Lines: each process at the beginning, the end, and how fast it grew."""
    settled = [each for each in readings if each.purchases >= WARM_UP * readings[-1].purchases]
    purchases = [each.purchases for each in settled]
    yield f"{'PSS, MiB':20}{'half-way':>14}{'at the end':>12}{'KiB per 1,000 purchases':>26}"
    for name in settled[0].memory:
        sizes = [each.memory[name] for each in settled]
        slope = linear_regression(purchases, sizes).slope * 1000 / 1024
        yield f"{name:20}{sizes[0] / 2**20:14.1f}{sizes[-1] / 2**20:12.1f}{slope:26.1f}"
    total = linear_regression(purchases, [each.services for each in settled]).slope
    last = readings[-1]
    yield f"The ten services: {total * 1000 / 1024:.1f} KiB per 1,000 purchases."
    yield (
        f"Fitted to {len(settled)} readings, {purchases[0]:,} to {last.purchases:,} purchases, "
        f"{last.purchases / last.seconds:.1f} a second."
    )


def flat(readings: Sequence[Reading]) -> bool:
    last = readings[-1]
    settled = [each for each in readings if each.purchases >= WARM_UP * last.purchases]
    fit = linear_regression(
        [each.purchases for each in settled], [each.services for each in settled]
    )
    grown = fit.slope * (last.purchases - settled[0].purchases)
    return grown <= FLAT * settled[0].services


def until_stopped(coming: Iterator[Reading]) -> list[Reading]:
    """All of them, or those so far when it is stopped: hours should not be lost."""
    readings: list[Reading] = []
    try:
        readings.extend(coming)  # what came before the end of it stays
    except KeyboardInterrupt:
        if len(readings) < ENOUGH:
            raise
        console.say("  Stopped. This is what was measured so far:")
    return readings


async def changed(dsn: str, purchases: int) -> list[asyncpg.Record]:
    db = await asyncpg.connect(dsn)
    try:
        return await db.fetch(CHANGED, purchases)
    finally:
        await db.close()


def tables(rows: Sequence[asyncpg.Record]) -> Iterator[str]:
    """Lines: what a purchase changes, and leaves behind."""
    yield f"{'a purchase':42}{'updates':>9}{'HOT':>7}{'table B':>9}{'index B':>9}{'dead':>7}"
    for row in rows:
        yield (
            f"{row['table']:42}{row['updates']:9.1f}{row['hot']:7.2f}"
            f"{row['table_bytes']:9.0f}{row['index_bytes']:9.0f}{row['dead']:7.2f}"
        )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--purchases", type=int, default=PURCHASES)
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    parser.add_argument("--data", type=Path, default=ROOT / ".data", help="where: in its soak/")
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except Failure as failure:
        console.complain(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


def run(options: argparse.Namespace) -> int:
    folder = options.data.resolve() / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with server(CountingPostgres(folder)) as (postgres, _):
        database.create(postgres.dsn(), "shop")
        dsn = postgres.dsn("shop")
        asyncio.run(schema.apply(dsn, FOLDERS, {}))
        world = asyncio.run(catalogue.fill(dsn, catalogue.PRODUCTS))
        with running(
            "fleet", folder / "fleet", options.port_base, SERVICES, DATABASE_URL=dsn
        ) as fleet:
            with generator(world, {"fleet": fleet.urls}) as load:
                readings = until_stopped(soak(load, fleet, options.purchases))
            done = readings[-1].purchases
            say("Memory", told(readings))
            say("Tables", tables(asyncio.run(changed(dsn, done))))
    shutil.rmtree(folder)
    if not flat(readings):
        console.complain(f"The services grew by more than {FLAT:.0%}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
