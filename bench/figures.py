"""From samples to figures."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from .rounds import FASTAPI, Sample
from .stand import FLEET, FLOOR

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Figures:
    """Of one operation on one target with so many callers: medians over the rounds; latencies
    are all rounds' together. Milliseconds, and microseconds of CPU an operation."""

    operations: int
    failed: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    services_us: float
    postgres_us: float
    load_us: float

    @property
    def cpu_ms(self) -> float:
        """Of the services and PostgreSQL together."""
        return (self.services_us + self.postgres_us) / 1000


@dataclass(frozen=True)
class Table:
    """All figures, and what they come to beside another target's, round by round."""

    figures: dict[Key, Figures]
    ratios: dict[Key, float]
    elsewhere_cores: float

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"operation": operation, "target": target, "in_flight": callers}
            | asdict(figures)
            | {"fleet_to_this": self.ratios.get((operation, target, callers))}
            for (operation, target, callers), figures in self.figures.items()
        ]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed. `ordered` is, and is not empty."""
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def tabulate(samples: Sequence[Sample]) -> Table:
    groups: dict[Key, list[Sample]] = {}
    for each in samples:
        key = (each.run.operation, each.run.target, each.run.callers)
        groups.setdefault(key, []).append(each)
    busy = sum(each.result.seconds for each in samples)
    return Table(
        figures={key: figures_of(group) for key, group in groups.items()},
        ratios=ratios(groups),
        elsewhere_cores=sum(each.elsewhere_cpu for each in samples) / busy,
    )


def figures_of(samples: Sequence[Sample]) -> Figures:
    latencies = sorted(seconds for each in samples for seconds in each.result.latencies)
    return Figures(
        operations=len(latencies),
        failed=sum(each.result.failed.total() for each in samples),
        per_second=median(map(rate, samples)),
        p50_ms=_milliseconds(latencies, 50),
        p95_ms=_milliseconds(latencies, 95),
        p99_ms=_milliseconds(latencies, 99),
        services_us=median(_each(sample, sample.services_cpu) for sample in samples),
        postgres_us=median(_each(sample, sample.postgres_cpu) for sample in samples),
        load_us=median(_each(sample, sample.result.cpu_seconds) for sample in samples),
    )


def rate(sample: Sample) -> float:
    """Operations a second."""
    return len(sample.result.latencies) / sample.result.seconds


def ratios(groups: Mapping[Key, Iterable[Sample]]) -> dict[Key, float]:
    """The fleet's rate over the other target's: the median of what it was in each round, since
    noise comes and goes, and hits both of a round alike."""
    found = {}
    for (operation, target, callers), theirs in groups.items():
        ours = groups.get((operation, FLEET, callers), [])
        if target in (FLOOR, FASTAPI):
            each = [_ratio(a, b) for a, b in zip(ours, theirs, strict=True)]
            found[operation, target, callers] = median(each)
    return found


def _ratio(ours: Sample, theirs: Sample) -> float:
    return rate(ours) / rate(theirs) if rate(theirs) else math.inf


def _milliseconds(latencies: Sequence[float], percent: float) -> float:
    return percentile(latencies, percent) * 1000 if latencies else math.nan


def _each(sample: Sample, cpu_seconds: float) -> float:
    """Microseconds an operation."""
    return cpu_seconds * 1e6 / max(len(sample.result.latencies), 1)
