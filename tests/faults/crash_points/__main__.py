"""`python -m tests.faults.crash_points`: every crash point, or some of them."""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fleet import console

from . import scripts
from .cases import Case
from .crew import Outcome, work_off
from .report import Progress, table
from .results import Results
from .workbench import record


def main(arguments: Sequence[str]) -> int:
    """The exit status: 1 when anything was violated."""
    chosen = _parser().parse_args(arguments)
    if chosen.record:
        scripts.keep(asyncio.run(record()))
    cases = select(chosen.only, chosen.sample, chosen.seed)
    if chosen.list or chosen.record:
        for case in cases:
            console.say(str(case))
        return 0
    is_full = chosen.sample is None and not chosen.only
    if is_full and (unlike := asyncio.run(differences())):
        console.complain("A purchase is no longer what it was when --record was run:")
        console.complain("\n".join(unlike))
        return 1
    return run(cases, chosen.fleets, chosen.results, chosen.seed)


async def differences() -> list[str]:
    """Cases that there should be and are not kept, and the other way round."""
    kept = {str(case) for case in scripts.all_cases()}
    found = {str(case) for case in scripts.cases_of(await record())}
    return sorted(f"{'+' if each in found else '-'} {each}" for each in kept ^ found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash_points")
    parser.add_argument("--fleets", type=int, default=3, help="how many to run at once")
    parser.add_argument("--sample", type=int, help="only so many cases, chosen by --seed")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default="", help="only cases with this in their name")
    parser.add_argument("--results", type=Path, help="where outcomes are kept, to go on later")
    parser.add_argument("--list", action="store_true", help="print the cases, try none")
    parser.add_argument("--record", action="store_true", help="write events.txt anew")
    return parser


def select(only: str, sample: int | None, seed: int) -> list[Case]:
    """Cases with this text in them, all or so many by chance."""
    cases = [case for case in scripts.all_cases() if only in str(case)]
    if sample is None or sample >= len(cases):
        return cases
    return random.Random(seed).sample(cases, sample)


def run(cases: Sequence[Case], fleets: int, file: Path | None, seed: int) -> int:
    began, results = time.monotonic(), Results(file)
    waiting = [case for case in cases if str(case) not in results.outcomes]
    known = len(cases) - len(waiting)
    console.say(f"{len(cases)} cases (seed {seed}), {known} known already, on {fleets} fleets")
    progress = Progress(known, len(cases))

    def tell(outcome: Outcome) -> None:
        results.add(outcome)
        progress.step(outcome)

    asyncio.run(work_off(waiting, fleets, tell))
    console.say(f"\n\nViolations / cases after {time.monotonic() - began:.0f} s")
    for line in table(cases, results.outcomes):
        console.say(line)
    broken = [each for each in map(str, cases) if results.outcomes[each].violations]
    for name in broken:
        console.complain(f"{name} (seed {seed}): {'; '.join(results.outcomes[name].violations)}")
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        console.complain("\nStopped. With the same --results, the next run goes on from here.")
        sys.exit(130)
