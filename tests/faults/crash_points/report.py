"""What a run looks like to the person who waits for it, and what it comes to."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

from fleet import console
from tests.faults.links.wired import CLIENT

from .cases import FAULTS, Case
from .crew import Outcome

ALL = "all"

BAR_WIDTH = 40
LINE_EVERY_SECONDS = 10.0


class Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, done: int, total: int) -> None:
        self._done, self._total, self._broken = done, total, 0
        self._told = time.monotonic()

    def step(self, outcome: Outcome) -> None:
        self._done += 1
        self._broken += bool(outcome.violations)
        if outcome.violations:
            console.say(f"\r{outcome.case}: {'; '.join(outcome.violations)}", console.RED)
        if sys.stdout.isatty():
            filled = BAR_WIDTH * self._done // self._total
            bar = "█" * filled + "░" * (BAR_WIDTH - filled)
            console.say(f"\r{bar} {self._line()}", end="")
        elif time.monotonic() - self._told > LINE_EVERY_SECONDS:
            self._told = time.monotonic()
            console.say(self._line())

    def _line(self) -> str:
        return f"{self._done} of {self._total}, {self._broken} violated"


def table(cases: Iterable[Case], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Kinds of events by faults: violations / cases."""
    tried, broken = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for case in cases:
        for place in product((_kind_of(case), ALL), (case.fault, ALL)):
            tried[place] += 1
            broken[place] += bool(outcomes[str(case)].violations)

    def line(row: str) -> str:
        cells = (
            f"{broken[row, fault]}/{tried[row, fault]}" if tried[row, fault] else "-"
            for fault in (*FAULTS, ALL)
        )
        return _line(row, cells)

    kinds = sorted({row for row, _ in tried} - {ALL})
    return [_line("", (*FAULTS, ALL)), *map(line, kinds), line(ALL)]


def _kind_of(case: Case) -> str:
    event = case.event
    if event.kind == "commit":
        return "commit"
    return f"{'client' if event.caller == CLIENT else 'service'} > service, {event.kind}"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:26}" + "".join(f"{cell:>11}" for cell in cells)
