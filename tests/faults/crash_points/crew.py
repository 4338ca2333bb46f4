"""Several fleets, each of which takes the next case when it is done with one."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .cases import Case, Fault
from .workbench import Workbench, workbench


@dataclass(frozen=True)
class Outcome:
    """How a case went; nothing was wrong if `violations` is empty."""

    case: str
    seconds: float
    violations: list[str]


# About how long each takes, so that the long ones do not come last.
SECONDS: dict[Fault, float] = {"stop": 4, "delay": 3, "kill": 2, "drop": 1, "duplicate": 1}


async def work_off(cases: Iterable[Case], fleets: int, tell: Callable[[Outcome], None]) -> None:
    """Try these cases on so many fleets at once. Says how each went."""
    waiting = deque(sorted(cases, key=lambda case: -SECONDS[case.fault]))
    await asyncio.gather(*(_work(waiting, tell) for _ in range(min(fleets, len(waiting)))))


async def _work(waiting: deque[Case], tell: Callable[[Outcome], None]) -> None:
    while waiting:
        async with workbench() as ours:
            while waiting:
                outcome = await _try(ours, waiting.popleft())
                tell(outcome)
                if outcome.violations:
                    # Its books may be wrong from now on: the next case gets new ones.
                    break


async def _try(ours: Workbench, case: Case) -> Outcome:
    began = time.monotonic()
    try:
        violations = await ours.try_case(case)
    except Exception as error:
        violations = [" after ".join(_reasons(error))]
    return Outcome(str(case), round(time.monotonic() - began, 2), violations)


def _reasons(error: BaseException | None) -> Iterable[str]:
    """What happened, and while what was being dealt with: asyncpg says of a connection that it is
    closed, and only before that why."""
    while error is not None:
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
