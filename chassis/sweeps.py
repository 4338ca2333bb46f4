"""Background work that finishes what was cut off: one loop a sweep, in every replica.

A sweep claims rows with FOR UPDATE SKIP LOCKED and pushes their next attempt into the future in
the same statement. That is lease and back-off in one: a process that dies leaves nothing locked,
and two replicas never hold the same row.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from . import metrics
from .context import RequestContext, enter
from .logs import log
from .parked import Parked
from .problems import Problem

if TYPE_CHECKING:
    from .app import Context

Work: TypeAlias = "Callable[[Context], Awaitable[int]]"


@dataclass(frozen=True)
class Sweep:
    """`work` takes up what is due and returns how much that was; then it rests `every` seconds,
    or not at all while there is more. `parked` is where it gives rows up to people."""

    name: str
    work: Work
    every: float = 1.0
    parked: Parked | None = None


async def run(sweep: Sweep, context: "Context") -> None:
    """Sweep until cancelled. Whatever goes wrong is logged, and tried again."""
    metrics.sweeping(sweep.name, sweep.every)
    while True:
        rest = sweep.every * random.uniform(0.75, 1.25)
        await asyncio.sleep(rest)  # spread out: replicas started together do not all knock at once
        while await _once(sweep, context):
            pass


async def _once(sweep: Sweep, context: "Context") -> bool:
    """Returns whether there may be more to do right away."""
    enter(RequestContext(outermost=False))
    try:
        items = await sweep.work(context)
    except Exception as error:
        metrics.swept(sweep.name, "failed", 1)
        expected = isinstance(error, Problem | OSError | TimeoutError)
        log.warning(
            "sweep failed", sweep=sweep.name, why=str(error), exc_info=None if expected else error
        )
        return False
    metrics.SWEEP_SUCCEEDED.labels(sweep.name).set_to_current_time()
    if items:
        metrics.swept(sweep.name, "done", items)
    return items > 0
