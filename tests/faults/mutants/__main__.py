"""Checks the checks: `python -m tests.faults.mutants` breaks the product in many small ways, and
each break must be noticed.

A mutant is tried in a copy of the project. What is to catch it is run on an unbroken copy first,
and must pass there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

from fleet import console
from fleet.services import ROOT

from .patches import Mutant, Stale, read

LEFT_OUT = ignore_patterns(".git", ".venv", ".data", ".*_cache", "__pycache__")
PATIENCE_SECONDS = 300

CAUGHT, PASSED, BROKEN = "caught", "passed", "could not be tried"

COMMANDS = {
    "races": ("pytest", "-q", "-x", "tests/faults/races", "--races=some", "-k"),
    "crash points": ("tests.faults.crash_points", "--fleets", "1", "--only"),
    "chaos": ("tests.faults.chaos", "--seconds", "40", "--seed"),
    # Every route by every caller, and whose everything is.
    "access": ("pytest", "-q", "-x", "tests/access", "-k"),
    # Every route by what is sent to it.
    "house": ("pytest", "-q", "-x", "tests/house", "-k"),
    # Every way to write a word.
    "search": ("pytest", "-q", "-x", "searchService/tests", "-k"),
    # Every thing that has an ETag, by every way to write it.
    "preconditions": ("pytest", "-q", "-x", "tests/preconditions", "-k"),
    # A customer who has left a word in every personal column, exported and erased.
    "personal data": ("pytest", "-q", "-x", "tests/journeys/test_personal_data.py", "-k"),
    # What requests look like before they are any, over sockets; and what every answer says.
    "requests": ("pytest", "-q", "-x", "chassis/tests", "-k"),
    # A purchase, and the whole audit when it is done.
    "audit": ("pytest", "-q", "-x", "tests/journeys/test_purchase.py", "-k"),
}


@dataclass(frozen=True)
class Trial:
    """How a detector ended, after so many seconds, and what it said."""

    verdict: str
    seconds: float
    said: str


def tried(mutant: Mutant | None, detector: str, picks: str) -> Trial:
    """Run a detector over a copy of the project, broken by the mutant if there is one."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "copy")
        copytree(ROOT, copy, ignore=LEFT_OUT)
        if mutant:
            mutant.apply(copy)
        status, said = _run(copy, [*COMMANDS[detector], picks])
    return Trial(verdict(status, said), time.monotonic() - began, said)


def _run(copy: Path, arguments: Sequence[str]) -> tuple[int | None, str]:
    """The exit status, None if it took too long; and the output."""
    # A folder to itself: what is cut off leaves nothing among the files of others.
    environment = {**os.environ, "TMPDIR": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        return None, str(late.stdout or "")
    return done.returncode, done.stdout + done.stderr


def verdict(status: int | None, said: str) -> str:
    if status == 0:
        return PASSED
    # Only a check that failed has caught something: not a fleet that would not even start.
    if status == 1 and "the fleet did not start" not in said:
        return CAUGHT
    return BROKEN


def check(mutants: Sequence[Mutant]) -> list[str]:
    """Try them all, telling how it goes. Returns what is wrong, a line each."""
    wrong = []
    for detector, picks in dict.fromkeys((each.detector, each.picks) for each in mutants):
        trial = tried(None, detector, picks)
        _tell(trial, "unbroken", f"{detector}: {picks}", wanted=PASSED)
        if trial.verdict != PASSED:
            wrong.append(f"{detector} {picks} fails without any mutant:\n{trial.said[-3000:]}")
    for mutant in mutants:
        trial = tried(mutant, mutant.detector, mutant.picks)
        _tell(trial, mutant.name, f"{mutant.detector}: {mutant.picks}", wanted=CAUGHT)
        if trial.verdict != CAUGHT:
            wrong.append(f"{mutant.name} {trial.verdict}:\n{trial.said[-3000:]}")
    return wrong


def _tell(trial: Trial, name: str, by: str, *, wanted: str) -> None:
    style = console.GREEN if trial.verdict == wanted else console.RED
    console.say(f"  {trial.verdict:8} {name:36} {by:60} {trial.seconds:5.0f} s", style)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    chosen = parser.parse_args(arguments)
    mutants = [mutant for mutant in read() if chosen.only in mutant.name]
    if not mutants:
        console.complain(f"No mutant is called {chosen.only}: see mutants.toml.")
        return 2
    try:
        wrong = check(mutants)
    except Stale as stale:
        console.complain(f"A patch no longer fits, mend mutants.toml: {stale}")
        return 2
    for each in wrong:
        console.complain(each)
    console.say(f"{len(mutants)} mutants, {len(wrong)} wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
