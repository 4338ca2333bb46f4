"""What tokens cost: the purchase with AUTH_MODE=enforce beside the same with dev.

    python -m bench.auth [--rounds N] [--seconds S] [--callers N]

Two fleets on one PostgreSQL take turns. Each purchase is a customer's who has just signed in, whose
token no service has seen, and the staff's. The machine should have nothing else to do meanwhile.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from chassis import schema
from fleet import console, database
from fleet.failure import Failure
from fleet.services import ROOT, SERVICES

from . import catalogue, meter
from .catalogue import World
from .load import Generator, Run, generator
from .stand import APART, Running, emptied, execute, running, server

DEV, ENFORCE = "dev", "enforce"
MODES = (DEV, ENFORCE)
PRODUCTS = 1000
PORT_BASE = 18100
GOAL = 0.90


@dataclass(frozen=True)
class Cost:
    """Of one run, a purchase: milliseconds of CPU."""

    per_second: float
    services_ms: float
    postgres_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.services_ms + self.postgres_ms


@dataclass(frozen=True)
class Stand:
    """Two fleets by their mode, on the PostgreSQL of this process."""

    fleets: dict[str, Running]
    postgres: int
    world: World


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.auth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run in a round")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    parser.add_argument("--data", type=Path, default=ROOT / ".data", help="in its bench-auth/")
    options = parser.parse_args(arguments)
    try:
        with (
            emptied(options.data.resolve() / "bench-auth") as folder,
            stand(folder, options.port_base) as found,
        ):
            report(measure(found, options.rounds, options.seconds, options.callers))
    except Failure as failure:
        console.complain(str(failure))
        return 1
    return 0


@contextmanager
def stand(folder: Path, base: int) -> Iterator[Stand]:
    """Both fleets, with the same in their databases. Raises Failure."""
    with server(folder, durable=True) as (postgres, pid):
        world = _databases(postgres.dsn(), postgres.dsn(DEV))
        dev = {"AUTH_MODE": DEV, "DATABASE_URL": postgres.dsn(DEV)}
        enforce = {"AUTH_MODE": ENFORCE, "DATABASE_URL": postgres.dsn(ENFORCE)}
        with running("fleet", folder / DEV, base, SERVICES, **dev) as first:
            (folder / ENFORCE).mkdir()
            # The roles are the server's, and so are their passwords.
            secrets = (folder / DEV / "secrets.json").read_bytes()
            (folder / ENFORCE / "secrets.json").write_bytes(secrets)
            with running("fleet", folder / ENFORCE, base + APART, SERVICES, **enforce) as second:
                yield Stand({DEV: first, ENFORCE: second}, pid, world)


def _databases(dsn: str, first: str) -> World:
    database.create(dsn, DEV)
    asyncio.run(schema.apply(first, [ROOT / service.folder for service in SERVICES], {}))
    world = asyncio.run(catalogue.fill(first, PRODUCTS))
    asyncio.run(execute(dsn, f"CREATE DATABASE {ENFORCE} TEMPLATE {DEV}"))
    return world


def measure(stand: Stand, rounds: int, seconds: float, callers: int) -> list[dict[str, Cost]]:
    """By round, and by mode; the first round only warms up."""
    urls = {mode: fleet.urls for mode, fleet in stand.fleets.items()}
    keys = {ENFORCE: stand.fleets[ENFORCE].folder / "keys"}
    found = []
    with generator(stand.world, urls, keys=keys) as load:
        for number in range(rounds + 1):
            order = MODES if number % 2 else MODES[::-1]
            costs = {mode: cost(stand, load, mode, number, seconds, callers) for mode in order}
            found.append(costs)
            shown = " ".join(f"{mode} {costs[mode].cpu_ms:.2f}" for mode in MODES)
            console.say(f"  round {number}: {shown} ms of CPU a purchase")
    return found[1:]


def cost(
    stand: Stand, load: Generator, mode: str, number: int, seconds: float, callers: int
) -> Cost:
    before: list[float] = []
    run = Run("purchase", mode, callers, seconds, seed=number)
    result = load.run(run, lambda: before.extend(_readings(stand, mode)))
    if result.failed:
        raise Failure(f"Purchases failed with AUTH_MODE={mode}: {dict(result.failed)}")
    services, postgres = (b - a for a, b in zip(before, _readings(stand, mode), strict=True))
    done = len(result.latencies)
    return Cost(done / result.seconds, services * 1000 / done, postgres * 1000 / done)


def _readings(stand: Stand, mode: str) -> list[float]:
    pids = stand.fleets[mode].pids()
    return [meter.cpu_of(pids.values()), meter.cpu_of_tree(stand.postgres)]


def report(rounds: Sequence[dict[str, Cost]]) -> None:
    """Medians, and the ratio of what dev costs to what enforce costs, round by round."""
    console.say(
        f"\n  {'AUTH_MODE':10} {'purchases/s':>12} {'services ms':>12} {'PostgreSQL ms':>14}"
    )
    for mode in MODES:
        costs = [costs[mode] for costs in rounds]
        speed = median(each.per_second for each in costs)
        services = median(each.services_ms for each in costs)
        postgres = median(each.postgres_ms for each in costs)
        console.say(f"  {mode:10} {speed:12.1f} {services:12.2f} {postgres:14.2f}")
    cpu = [costs[DEV].cpu_ms / costs[ENFORCE].cpu_ms for costs in rounds]
    done = [costs[ENFORCE].per_second / costs[DEV].per_second for costs in rounds]
    console.say(
        f"\n  Enforced, the fleet does {median(done):.3f} of dev's purchases a second, and "
        f"{median(cpu):.3f} by CPU ({min(cpu):.3f} to {max(cpu):.3f}). The goal is {GOAL:.2f}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
