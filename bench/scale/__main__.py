"""How cost grows: the same operations on a small world and on one a hundred times as large.

    python -m bench.scale [--sizes PRODUCTS …] [--rounds N] [--seconds S] [--only OPERATION]

A world has as many customers as products, and five orders for each. It is filled once, and kept in
the data folder: the largest one takes a quarter of an hour and 27 GB. A table here; the same as
JSON, and as a picture, in bench/results/.
"""

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from fleet import console
from fleet.failure import Failure
from fleet.services import ROOT

from .. import machine, meter
from ..load import Generator, Run, generator
from ..report import Progress, say
from .figures import Growth, Sample, growth
from .filling import Size
from .questions import ASKED, BUYING, PICKED, Picked, operations, pick, world
from .stand import Stand, stand

RESULTS = ROOT / "bench" / "results"
DATA = ROOT / ".data" / "scale"
PORT_BASE = 18100
SIZES = (10_000, 100_000, 1_000_000)
ORDERS_EACH = 5
# Enough for all questions of a kind to be asked once, of whatever size of world.
WARM_UP_SECONDS = 120.0


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    sizes = [Size(count, count, ORDERS_EACH * count) for count in sorted(options.sizes)]
    try:
        found = run(options, sizes)
    except Failure as failure:
        console.complain(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    say("Growth", table(found))
    keep(found, options)
    if options.remove:
        shutil.rmtree(options.data)
    return 0 if all(each.within for each in found) else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="in products")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each run in a round")
    parser.add_argument("--only", choices=(*ASKED, *BUYING), action="append", help="repeatable")
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    parser.add_argument("--data", type=Path, default=DATA, help="where the worlds are kept")
    parser.add_argument("--remove", action="store_true", help="the worlds, when all is done")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, sizes: Sequence[Size]) -> list[Growth]:
    folder = options.data.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = options.only or [*ASKED, *BUYING]
    with stand(folder, options.port_base, sizes) as test_stand, ExitStack() as stack:
        loads = {}
        for size, dsn in test_stand.dsns.items():
            picked = asyncio.run(_pick(dsn))
            asked = operations(picked)
            urls = {size.name: test_stand.fleets[size].urls}
            load = generator(world(picked), urls, operations=asked)
            loads[size] = stack.enter_context(load)
        return growth(measure(test_stand, loads, options, wanted), sizes)


async def _pick(dsn: str) -> Picked:
    db = await asyncpg.connect(dsn)
    try:
        return await pick(db)
    finally:
        await db.close()


def measure(
    test_stand: Stand,
    loads: Mapping[Size, Generator],
    options: argparse.Namespace,
    wanted: Sequence[str],
) -> list[Sample]:
    """Rounds in which the sizes take turns, after one in which every question is asked once: what
    is read from a disk for the first time costs what the disk does, in a world of any size."""
    # Another one each time: a world that is kept has the carts that the same seed filled before.
    progress, samples, first_seed = Progress(), [], int(time.time())
    for number in range(options.rounds + 1):
        for place, operation in enumerate(wanted):
            sizes = list(loads)
            first = (number + place) % len(sizes)
            for size in (*sizes[first:], *sizes[:first]):
                title = f"Round {number} of {options.rounds}" if number else "Warming up"
                progress(title, f"{operation}, {size.name}")
                run = Run(operation, size.name, 1, options.seconds, seed=first_seed + number)
                if not number and operation in ASKED:
                    run = replace(run, seconds=WARM_UP_SECONDS, most=PICKED)
                samples.append(sample(test_stand, loads[size], size, number, run))
    return [each for each in samples if each.round]


def sample(test_stand: Stand, load: Generator, size: Size, number: int, run: Run) -> Sample:
    pids = list(test_stand.fleets[size].pids().values())
    before: list[float] = []
    result = load.run(run, lambda: before.extend(readings(test_stand, pids)))
    services, postgres = (b - a for a, b in zip(before, readings(test_stand, pids), strict=True))
    return Sample(number, run.operation, size, result, services, postgres)


def readings(test_stand: Stand, pids: Sequence[int]) -> list[float]:
    """CPU seconds so far: of the services, of PostgreSQL."""
    return [meter.cpu_of(pids), meter.cpu_of_tree(test_stand.postgres)]


def table(found: Sequence[Growth]) -> Iterator[str]:
    sizes = list(found[0].costs)
    heads = "".join(f"{size.name:>9}" for size in sizes)
    yield f"{'p50, ms':42}{heads}   times  bound {'PostgreSQL, CPU µs':>26}"
    for each in found:
        costs = each.costs.values()
        p50 = "".join(f"{cost.p50_ms:9.2f}" for cost in costs)
        postgres = "".join(f"{cost.postgres_us:9.0f}" for cost in costs)
        failed = sum(cost.failed for cost in costs)
        verdict = "" if each.within else "  NOT WITHIN"
        told = f"  {failed} FAILED" if failed else ""
        name = f"{each.operation:42}"
        yield f"{name}{p50}{each.ratio:8.2f}{each.bound:7.1f}{postgres}{verdict}{told}"
    yield f"{sum(each.within for each in found)} of {len(found)} are within their bounds."


def keep(found: Sequence[Growth], options: argparse.Namespace) -> None:
    from . import chart

    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / datetime.now(UTC).strftime("scale-%Y-%m-%dT%H%M.json")
    about = machine.describe()
    plan = {"rounds": options.rounds, "seconds": options.seconds, "orders_each": ORDERS_EACH}
    result = {"plan": plan, "machine": about, "growth": [each.as_json() for each in found]}
    path.write_text(json.dumps(result, indent=2) + "\n")
    title = f"Cost against size · {about['cpu']}, {about['cores']} cores · {path.stem}"
    chart.draw(found, title, path.with_suffix(".png"))
    console.say(f"\nKept in {path.relative_to(ROOT)}, and as a picture beside it.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
