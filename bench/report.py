"""The figures as a person at a terminal reads them."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from fleet import console

from .counts import Counts
from .figures import Figures, Table
from .goals import Goal
from .rounds import FASTAPI
from .stand import FLEET, FLOOR
from .startup import Startup

HEAD = (
    f"{'':20}{'in':>7} {'operations/s':>17} {'fleet/':>7} {'fleet, ms':>23} "
    f"{'CPU, µs an operation':>33} {'an operation':>17}\n"
    f"{'operation':20}{'flight':>7} {'fleet':>8} {'floor':>8} {'floor':>7} "
    f"{'p50':>7} {'p95':>7} {'p99':>7} "
    f"{'fleet + PostgreSQL':>18} {'floor + PG':>14} {'statements':>11} {'calls':>5}"
)


def table(figures: Table, counts: Mapping[str, Mapping[str, Counts]]) -> Iterator[str]:
    """Lines: a row for each operation and number of callers."""
    yield HEAD
    last = ""
    for (operation, target, callers), fleet in figures.figures.items():
        if target != FLEET:
            continue
        name, last = ("" if operation == last else operation), operation
        floor = figures.figures[operation, FLOOR, callers]
        ratio = figures.ratios[operation, FLOOR, callers]
        told = _counts(operation, counts) if name else ""
        yield f"{name:20}{callers:7} {_row(fleet, floor, ratio)} {told}".rstrip()
        if plain := figures.figures.get((operation, FASTAPI, callers)):
            ratio = figures.ratios[operation, FASTAPI, callers]
            yield f"{'  of plain FastAPI':27} {'':8} {plain.per_second:8.0f} {ratio:7.2f}"


def _row(fleet: Figures, floor: Figures, ratio: float) -> str:
    return (
        f"{fleet.per_second:8.0f} {floor.per_second:8.0f} {ratio:7.2f} "
        f"{fleet.p50_ms:7.1f} {fleet.p95_ms:7.1f} {fleet.p99_ms:7.1f} "
        f"{fleet.services_us:8.0f} + {fleet.postgres_us:7.0f} "
        f"{floor.services_us:6.0f} + {floor.postgres_us:5.0f}"
    )


def _counts(operation: str, counts: Mapping[str, Mapping[str, Counts]]) -> str:
    """Of the fleet, and of the floor in brackets."""
    fleet, floor = counts[FLEET][operation], counts[FLOOR][operation]
    statements = f"{fleet.statements:.0f} ({floor.statements:.0f})"
    return f"{statements:>11} {abs(fleet.peer_calls or 0):5.0f}"  # never -0


def notes(figures: Table) -> Iterator[str]:
    """What a reader must know to trust the table."""
    fleet = [each for (_, target, _), each in figures.figures.items() if target == FLEET]
    load = sum(each.load_us * each.operations for each in fleet)
    load /= sum(each.operations for each in fleet)
    yield f"The load generator took {load:.0f} µs of CPU an operation, which are not in the table."
    yield f"Others took {figures.elsewhere_cores:.2f} of the machine's cores meanwhile."
    if failed := sum(each.failed for each in figures.figures.values()):
        yield f"{failed} operations FAILED, and are not counted as done."


def goals(found: Sequence[Goal]) -> Iterator[str]:
    for goal in found:
        verdict = "met" if goal.met else "NOT MET"
        yield f"{goal.what:55} {goal.wanted:>8} {goal.measured:8.2f}  {verdict}"
    yield f"{sum(goal.met for goal in found)} of {len(found)} goals are met."


def startup(start: Startup, images: Mapping[str, str]) -> Iterator[str]:
    yield f"Start: {start.cold_seconds:.1f} s cold, {start.warm_seconds:.1f} s warm."
    total = sum(start.memory.values())
    parts = ", ".join(f"{name} {_mib(size)}" for name, size in start.memory.items())
    yield f"Memory: {_mib(total)} MiB in all ({parts})."
    sizes = ", ".join(f"{name} {size}" for name, size in images.items())
    yield f"Images: {sizes or 'none are built here'}."


def _mib(size: int) -> int:
    return round(size / 2**20)


def say(title: str, lines: Iterator[str]) -> None:
    console.say(f"\n{title}\n", console.BOLD)
    for line in lines:
        console.say(line)


class Progress:
    """On a terminal one line that changes; in a log a line a round."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, round_: str, what: str) -> None:
        if sys.stdout.isatty():
            console.say(f"\r\033[K  {round_}: {what}", end="")
        elif round_ != self._last:
            console.say(f"  {round_}: {what}")
        self._last = round_
