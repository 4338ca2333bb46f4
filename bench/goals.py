"""What the benchmarks are to show, and whether they do."""

from collections.abc import Iterator
from dataclasses import dataclass

from .figures import Table
from .rounds import FASTAPI
from .stand import FLEET, FLOOR

MANY, FEW = 32, 8
PURCHASE, PRODUCT = "purchase", "product by SKU"

OF_THE_FLOOR = 0.60
OF_PLAIN_FASTAPI = 0.80
PURCHASE_CPU_MS = 20.0
TAIL = 4.0


@dataclass(frozen=True)
class Goal:
    what: str
    wanted: str
    measured: float
    met: bool


def goals(table: Table) -> list[Goal]:
    """Those that the table can tell about."""
    return [*_throughput(table), *_cost(table), *_tails(table)]


def _throughput(table: Table) -> Iterator[Goal]:
    for (operation, target, callers), ratio in table.ratios.items():
        wanted = {FLOOR: OF_THE_FLOOR, FASTAPI: OF_PLAIN_FASTAPI}[target]
        if callers == MANY:
            name = {FLOOR: "the floor", FASTAPI: "plain FastAPI"}[target]
            what = f"{operation}: throughput of {name}'s, {MANY} in flight"
            yield Goal(what, f">= {wanted:.2f}", ratio, ratio >= wanted)


def _cost(table: Table) -> Iterator[Goal]:
    if figures := table.figures.get((PURCHASE, FLEET, MANY)):
        what = f"{PURCHASE}: ms of CPU in all, {MANY} in flight"
        met = figures.cpu_ms <= PURCHASE_CPU_MS
        yield Goal(what, f"<= {PURCHASE_CPU_MS:.0f}", figures.cpu_ms, met)


def _tails(table: Table) -> Iterator[Goal]:
    for (operation, target, callers), figures in table.figures.items():
        if target == FLEET and callers == FEW:
            tail = figures.p99_ms / figures.p50_ms
            what = f"{operation}: p99 of p50, {FEW} in flight"
            yield Goal(what, f"<= {TAIL:.0f}", tail, tail <= TAIL)
