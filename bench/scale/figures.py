"""What an operation costs in worlds of different sizes, and whether that is within bounds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from statistics import median
from typing import Any

from ..figures import percentile
from ..load import Result
from .filling import Size
from .questions import BOUNDS, kind_of


@dataclass(frozen=True)
class Sample:
    """One run in one round; CPU in seconds."""

    round: int
    operation: str
    size: Size
    result: Result
    services_cpu: float
    postgres_cpu: float

    @property
    def p50(self) -> float:
        """Of what succeeded, in seconds; endless where nothing did."""
        ordered = sorted(self.result.latencies)
        return percentile(ordered, 50) if ordered else inf


@dataclass(frozen=True)
class Cost:
    """Medians over the rounds: milliseconds, and microseconds of CPU. `ratio` is of the p50, to
    that of the smallest world in the same round."""

    operations: int
    failed: int
    p50_ms: float
    ratio: float
    services_us: float
    postgres_us: float


@dataclass(frozen=True)
class Growth:
    """An operation's costs by size, the smallest first."""

    operation: str
    kind: str
    costs: dict[Size, Cost]

    @property
    def bound(self) -> float:
        return BOUNDS[self.kind]

    @property
    def ratio(self) -> float:
        """Of the largest world to the smallest."""
        return list(self.costs.values())[-1].ratio

    @property
    def within(self) -> bool:
        return self.ratio <= self.bound and not any(each.failed for each in self.costs.values())

    def as_json(self) -> dict[str, Any]:
        costs = {size.name: asdict(cost) for size, cost in self.costs.items()}
        own = {"operation": self.operation, "kind": self.kind, "ratio": self.ratio}
        return {**own, "bound": self.bound, "within": self.within, "costs": costs}


def growth(samples: Sequence[Sample], sizes: Sequence[Size]) -> list[Growth]:
    names = dict.fromkeys(each.operation for each in samples)
    return [
        Growth(
            name,
            kind_of(name),
            {size: _cost([each for each in samples if each.operation == name], size, sizes[0])
             for size in sizes},
        )
        for name in names
    ]  # fmt: skip


def _cost(samples: Sequence[Sample], size: Size, smallest: Size) -> Cost:
    own = [each for each in samples if each.size == size]
    base = {each.round: each.p50 for each in samples if each.size == smallest}
    done = [max(len(each.result.latencies), 1) for each in own]
    return Cost(
        operations=sum(len(each.result.latencies) for each in own),
        failed=sum(each.result.failed.total() for each in own),
        p50_ms=median(each.p50 for each in own) * 1000,
        ratio=median(each.p50 / base[each.round] for each in own),
        services_us=median(each.services_cpu / n for each, n in zip(own, done, strict=True)) * 1e6,
        postgres_us=median(each.postgres_cpu / n for each, n in zip(own, done, strict=True)) * 1e6,
    )
