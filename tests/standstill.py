"""Promises of time are those of a machine that runs: where it stands still, the clock goes on."""

import functools
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
TICK_SECONDS = 0.02
NOTICED_SECONDS = 0.1


class Watch:
    """Measures, within a block, how long this process has got no turn. A loop that is blocked by
    its own code does not count: a thread looks."""

    def __enter__(self) -> Self:
        self._longest = 0.0
        self._looked = time.monotonic()
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()

    def stood_still(self) -> float:
        """The longest time so far, in seconds; 0 where it is too short to matter."""
        longest = max(self._longest, time.monotonic() - self._looked - TICK_SECONDS)
        return longest if longest > NOTICED_SECONDS else 0.0

    def _look(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            now = time.monotonic()
            self._longest = max(self._longest, now - self._looked - TICK_SECONDS)
            self._looked = now


def undisturbed(check: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """For a check that says how long something takes, or that has to be done by a deadline.

    One that fails while the machine stood still has shown nothing, and is made again, with a
    warning; the third time, and wherever the machine ran, a failure is one.
    """

    @functools.wraps(check)
    async def insistent(*arguments: P.args, **named: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            with Watch() as watch:
                try:
                    return await check(*arguments, **named)
                except (Exception, pytest.fail.Exception) as error:
                    if not (seconds := watch.stood_still()):
                        raise
                    told = f"{check.__name__}: the machine stood still for {seconds:.1f} s"
                    warnings.warn(f"{told}, so it is tried again. {error!r}", stacklevel=2)
        return await check(*arguments, **named)

    return insistent
