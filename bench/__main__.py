"""Measures the fleet beside the floor, the same purchase with nothing in its way.

    python -m bench [--quick] [--only OPERATION] [--rounds N] [--seconds S]

A table here; the same as JSON, and as a picture, in bench/results/. The machine should have
nothing else to do meanwhile.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet import console
from fleet.failure import Failure
from fleet.services import ROOT

from . import chart, machine, report
from .catalogue import PRODUCTS
from .counts import Counts, count, switch_counting
from .figures import Table, tabulate
from .goals import goals
from .load import generator
from .operations import OPERATIONS
from .rounds import FASTAPI, Plan, measure, needed
from .stand import FLEET, FLOOR, Stand, emptied, stand
from .startup import images, memory_of, start

RESULTS = ROOT / "bench" / "results"
DATA = ROOT / ".data"
PORT_BASE = 18000


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    try:
        run(options)
    except Failure as failure:
        console.complain(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a minute or two, and noisy")
    parser.add_argument("--only", choices=OPERATIONS, action="append", help="may be repeated")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each run in a round")
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    parser.add_argument("--data", type=Path, default=DATA, help="where to work: in its bench/")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.4 if options.quick else 2.0)
    return options


def run(options: argparse.Namespace) -> None:
    plan = Plan(options.only or list(OPERATIONS), options.rounds, options.seconds)
    with emptied(options.data.resolve() / "bench") as folder:
        with console.step("Starting the fleet, cold and warm"):
            started = start(folder / "start", options.port_base)
        console.say(f"  Loading {PRODUCTS} products into the fleet and the floor …")
        with stand(folder / "stand", options.port_base, PRODUCTS) as test_stand:
            measured = measured_on(test_stand, plan)
    found, built = goals(measured.table), images()
    report.say("Fleet and floor", report.table(measured.table, measured.counts))
    report.say("Taken how", report.notes(measured.table))
    report.say("Start and size", report.startup(started, built))
    report.say("Goals", report.goals(found))
    keep(
        measured.table,
        {
            "plan": asdict(plan),
            "machine": machine.describe(),
            "start": asdict(started),
            "images": built,
            "memory_after": measured.memory_after,
            "counts": {
                target: {name: asdict(each) for name, each in counts.items()}
                for target, counts in measured.counts.items()
            },
            "elsewhere_cores": measured.table.elsewhere_cores,
            "figures": measured.table.as_json(),
            "goals": [asdict(goal) for goal in found],
        },
    )


@dataclass(frozen=True)
class Measured:
    table: Table
    counts: dict[str, dict[str, Counts]]
    memory_after: dict[str, int]


def measured_on(test_stand: Stand, plan: Plan) -> Measured:
    fleet, floor = test_stand.fleet.urls, test_stand.floor.urls
    plain = {"product_catalogue": floor[FASTAPI]}
    targets = {FLEET: fleet, FLOOR: floor, FASTAPI: plain}
    with generator(test_stand.world, targets) as load:
        with console.step("Counting statements and calls"):
            switch_counting(test_stand, on=True)
            wanted = needed(plan.operations)
            counts = {each: count(test_stand, load, each, wanted) for each in (FLEET, FLOOR)}
            switch_counting(test_stand, on=False)
        samples = measure(test_stand, load, plan, report.Progress())
        return Measured(tabulate(samples), counts, memory_of(test_stand.fleet))


def keep(table: Table, result: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / datetime.now(UTC).strftime("%Y-%m-%dT%H%M.json")
    path.write_text(json.dumps(result, indent=2) + "\n")
    about = result["machine"]
    title = f"Fleet and floor · {about['cpu']}, {about['cores']} cores · {path.stem}"
    chart.draw(table, title, path.with_suffix(".png"))
    console.say(f"\nKept in {path.relative_to(ROOT)}, and as a picture beside it.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
