"""Does to the fleet what the schedule says."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from signal import SIGCONT, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, Signals

from .schedule import BACKEND, FAST, IMMEDIATE, KILL, PAUSE, Fault
from .victims import Victims, send

SIGNALS: dict[str, Signals] = {
    KILL: SIGKILL,
    BACKEND: SIGKILL,
    FAST: SIGINT,
    IMMEDIATE: SIGQUIT,
}


class Saboteur:
    """Counts what it has done, by kind and victim; a victim that was down already is none."""

    def __init__(self, victims: Victims) -> None:
        self.done: Counter[tuple[str, str]] = Counter()
        self._victims = victims

    async def carry_out(self, schedule: Sequence[Fault]) -> None:
        """Until the last fault is over. Whatever happens, nobody stays paused."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.TaskGroup() as pauses:
            for fault in schedule:
                await asyncio.sleep(max(began + fault.at - clock(), 0))  # faults come by the clock
                if found := self._hit_by(fault):
                    self.done[fault.kind, fault.victim] += 1
                    self._strike(fault, found, pauses)

    def _hit_by(self, fault: Fault) -> list[int]:
        parent_and_children = self._victims.with_children(fault.victim)
        if fault.kind == PAUSE:
            return parent_and_children
        if fault.kind == BACKEND:  # PostgreSQL has none yet while it starts
            backends = parent_and_children[1:]
            first = int(fault.lot * len(backends))
            return backends[first : first + 1]
        return parent_and_children[:1]

    def _strike(self, fault: Fault, found: list[int], pauses: asyncio.TaskGroup) -> None:
        if fault.kind == PAUSE:
            pauses.create_task(_pause(found, fault.seconds))
        else:
            send(SIGNALS[fault.kind], *found)


async def _pause(pids: list[int], seconds: float) -> None:
    # The parent first: it then starts nobody whom we have not seen.
    send(SIGSTOP, *pids)
    try:
        await asyncio.sleep(seconds)  # the fault itself: it is stopped for so long
    finally:
        send(SIGCONT, *pids)
