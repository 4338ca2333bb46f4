"""The measurement: rounds in which the fleet and the floor take turns, so that noise hits both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import meter
from .floor import PLAIN_FASTAPI
from .load import Generator, Result, Run
from .operations import OPERATIONS
from .stand import FLEET, FLOOR, Stand

FASTAPI = PLAIN_FASTAPI.name
CALLERS = (1, 8, 32)
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """What to measure: these operations, so many rounds of so many seconds each."""

    operations: Sequence[str]
    rounds: int
    seconds: float
    callers: Sequence[int] = CALLERS

    def runs(self, round_: int) -> Iterator[Run]:
        """One round's, those included that are only there to prepare others."""
        for callers in self.callers:
            for place, name in enumerate(needed(self.operations)):
                targets = targets_of(name)
                first = (round_ + place) % len(targets)
                for target in (*targets[first:], *targets[:first]):
                    seed = round_ * 1000 + callers
                    yield Run(name, target, callers, self.seconds, seed)


@dataclass(frozen=True)
class Sample:
    """One run and what it cost, in CPU seconds; `elsewhere` went to others on this machine."""

    round: int
    run: Run
    result: Result
    services_cpu: float
    postgres_cpu: float
    elsewhere_cpu: float


# Told the round, and what is being done in it.
Progress = Callable[[str, str], None]


def needed(operations: Sequence[str]) -> list[str]:
    """These and all that come before them, in their order."""
    wanted = set(operations)
    for name in reversed(OPERATIONS):
        before = OPERATIONS[name].after
        if name in wanted and before:
            wanted.add(before)
    return [name for name in OPERATIONS if name in wanted]


def targets_of(operation: str) -> tuple[str, ...]:
    return (FLEET, FLOOR, FASTAPI) if operation == "product by SKU" else (FLEET, FLOOR)


def measure(stand: Stand, generator: Generator, plan: Plan, progress: Progress) -> list[Sample]:
    """All rounds, after one that only warms up."""
    warm_up = Plan(plan.operations, 1, min(plan.seconds, WARM_UP_SECONDS), plan.callers[-1:])
    rounds = [list(warm_up.runs(0)), *(list(plan.runs(n)) for n in range(1, plan.rounds + 1))]
    left, samples = sum(map(len, rounds)), []
    began, done = time.monotonic(), 0
    for number, runs in enumerate(rounds):
        for run in runs:
            seconds = (time.monotonic() - began) / done * left if done else left * plan.seconds
            progress(
                f"Round {number} of {plan.rounds}" if number else "Warming up",
                f"{run.operation}, {run.target}, {run.callers} in flight, "
                f"{seconds / 60:.1f} minutes left",
            )
            samples.append(sample(stand, generator, number, run))
            left, done = left - 1, done + 1
    return [each for each in samples if each.round and each.run.operation in plan.operations]


def sample(stand: Stand, generator: Generator, number: int, run: Run) -> Sample:
    pids = services_of(stand, run.target)
    before: list[float] = []
    result = generator.run(run, lambda: before.extend(readings(stand, pids)))
    after = readings(stand, pids)
    services, postgres, everybody = (b - a for a, b in zip(before, after, strict=True))
    ours = services + postgres + result.cpu_seconds
    return Sample(number, run, result, services, postgres, max(everybody - ours, 0.0))


def services_of(stand: Stand, target: str) -> list[int]:
    if target == FLEET:
        return list(stand.fleet.pids().values())
    pids = stand.floor.pids()
    plain = pids.pop(FASTAPI)
    return [plain] if target == FASTAPI else list(pids.values())


def readings(stand: Stand, pids: Sequence[int]) -> list[float]:
    """CPU seconds so far: of the services, of PostgreSQL, of the whole machine."""
    return [meter.cpu_of(pids), meter.cpu_of_tree(stand.postgres), meter.busy_seconds()]
