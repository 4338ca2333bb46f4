"""One process of the fleet: started, started again ever more patiently, ended for certain."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from . import signals

Process = BaseProcess | subprocess.Popen[bytes]

FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
SETTLED_SECONDS = 30.0
FORCED_SECONDS = 4.0


@dataclass
class Member:
    """How to start a process, how long it may take to end, and how to force it after that.

    `due` is when it is to be started again; None while nobody knows it dead.
    """

    name: str
    launch: Callable[[], Process]
    patience: float
    force: signal.Signals = signal.SIGKILL
    due: float | None = field(default=None, init=False)
    process: Process = field(init=False)
    _born: float = field(default=0.0, init=False)
    _deaths: int = field(default=0, init=False)

    def start(self) -> None:
        self._born = time.monotonic()
        self.process = self.launch()
        self.due = None

    @property
    def exit_code(self) -> int | None:
        """None while it lives; the negative signal number when a signal ended it."""
        if isinstance(self.process, BaseProcess):
            return self.process.exitcode
        return self.process.poll()

    def schedule(self) -> float:
        """Note a death; returns the seconds until the next start."""
        now = time.monotonic()
        self._deaths = 1 if now - self._born > SETTLED_SECONDS else self._deaths + 1
        delay = delay_after(self._deaths)
        self.due = now + delay
        return delay

    def send(self, wanted: signal.Signals) -> None:
        if self.exit_code is None and self.process.pid is not None:
            os.kill(self.process.pid, wanted)


def delay_after(deaths: int) -> float:
    """Nothing after the first death, then doubling."""
    return 0.0 if deaths < 2 else min(FIRST_DELAY * 2.0 ** min(deaths - 2, 10), LONGEST_DELAY)


def ending(exit_code: int) -> str:
    """`was killed by SIGKILL`, or `ended with status 1`."""
    if exit_code >= 0:
        return f"ended with status {exit_code}"
    return f"was killed by {signal.Signals(-exit_code).name}"


def end(members: Sequence[Member]) -> None:
    """Ask them to end, give them time, then force who is left; a signal to stop forces at once."""
    for member in members:
        member.send(signal.SIGTERM)
    _wait(members, max((member.patience for member in members), default=0))
    for member in members:
        member.send(member.force)
    _wait(members, FORCED_SECONDS)


def _wait(members: Sequence[Member], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(member.exit_code is None for member in members):
        left = deadline - time.monotonic()
        if left <= 0 or signals.wait(left) in signals.STOP:
            return
