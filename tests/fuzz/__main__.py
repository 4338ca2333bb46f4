"""Generated requests against every service: `python -m tests.fuzz --requests 100000`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop

from chassis.app import ServiceApp
from conftest import run_sql, with_database
from fleet.postgres import embedded
from fleet.services import SERVICES

from .fleet import in_process
from .run import fuzz
from .sockets import fuzz_sockets
from .world import World


async def main(dsn: str, services: list[str], requests: int, seed: int) -> int:
    await run_sql(dsn, "CREATE DATABASE fuzz")
    async with in_process(with_database(dsn, "fuzz")) as apps:
        world = World(apps)
        await world.make()
        failures = sum([await one(apps[name], world, requests, seed) for name in services])
        return failures + sum([await raw(apps[name], requests, seed) for name in services])


async def one(app: ServiceApp, world: World, requests: int, seed: int) -> int:
    """The number of failures."""
    report = await fuzz(app, world.answers, requests, seed)
    print(f"{app.service}: {report}", flush=True)
    for failure in report.failures[:10]:
        print(f"  {failure}", flush=True)
    return len(report.failures)


async def raw(app: ServiceApp, requests: int, seed: int) -> int:
    """The same over sockets, for a tenth as many requests: each has a connection of its own."""
    report = await fuzz_sockets(app, max(20, requests // 10), seed)
    print(f"{app.service}, raw: {report}", flush=True)
    for failure in report.failures[:10]:
        print(f"  {failure}", flush=True)
    return len(report.failures)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [service.name for service in SERVICES]
    parser.add_argument("--requests", type=int, default=100_000, help="a service")
    parser.add_argument("--service", action="append", choices=names)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded(Path(folder), durable=False) as server,
    ):
        asked = given.service or [service.name for service in SERVICES]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            failures = runner.run(main(server.dsn, asked, given.requests, given.seed))
    sys.exit(bool(failures))
