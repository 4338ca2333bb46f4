"""Shop in a fleet that is mistreated all the while: `python -m tests.faults.chaos`.

The same seed gives the same faults at the same times. The exit status tells whether every
promise was kept; if not, the data folder stays, and the log of all calls with it.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fleet import console
from tests.fleets import embedded_fleet

from . import report, schedule
from .log import Log
from .run import Plan, Result, Run

SHOWN, WIDTH = 40, 200
UP = f"{__package__}.up"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="how long (60)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="one of its own by default")
    parser.add_argument("--shoppers", type=int, default=16, metavar="N", help="how many (16)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="the data folder, kept")
    parser.add_argument("--schedule-only", action="store_true", help="print the faults, and end")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    chosen = parsed(arguments)
    plan = Plan(chosen.seed, chosen.seconds, chosen.shoppers)
    if chosen.schedule_only:
        print(*schedule.make(plan.seed, plan.seconds), sep="\n")
        return 0
    console.say(f"Chaos for {plan.seconds:g} s with seed {plan.seed}", console.BOLD)
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    result = play(plan, folder)
    report.tell(result)
    if result.violations:
        confess(plan, folder, result)
    elif not chosen.keep:
        shutil.rmtree(folder)
    return 1 if result.violations else 0


def play(plan: Plan, folder: Path) -> Result:
    """A run in a fleet of its own, whose data is in this folder."""
    with embedded_fleet(folder, module=UP) as fleet:
        return asyncio.run(Run(fleet, plan).play())


def confess(plan: Plan, folder: Path, result: Result) -> None:
    """Everything needed to look into it, and to do it again."""
    for violation in result.violations[:SHOWN]:
        console.say(f"  {textwrap.shorten(violation, WIDTH)}", console.RED)
    (folder / "violations.txt").write_text("\n".join(result.violations))
    write(result.log, folder / "calls.jsonl")
    console.say(f"All violations, all calls, the data and the logs are in {folder}")
    again = f"--seed {plan.seed} --seconds {plan.seconds:g} --shoppers {plan.shoppers}"
    console.say(f"The same faults again: python -m tests.faults.chaos {again}")


def write(log: Log, file: Path) -> None:
    with file.open("w") as out:
        for request in log.requests:
            print(json.dumps(asdict(request), default=_plain), file=out)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return sorted(value) if isinstance(value, frozenset) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
