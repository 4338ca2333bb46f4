"""How far a run is: one line anew and anew on a terminal, one every ten seconds elsewhere."""

import sys
import time

from fleet import console


class Progress:
    def __init__(self, seconds: float) -> None:
        self._live = sys.stdout.isatty()
        self._ends = time.monotonic() + seconds
        self.pause = 0.5 if self._live else 10.0

    def tell(self, *, purchases: int, faults: int, acknowledged: int, violations: int) -> None:
        left = max(int(self._ends - time.monotonic()), 0)
        line = (
            f"  {left // 60:3}:{left % 60:02} left  {purchases:7,} visits  {faults:6,} faults"
            f"  {acknowledged:9,} acknowledged  {violations:3,} violations"
        )
        console.say(f"\r{line}" if self._live else line, end="" if self._live else "\n")

    def done(self) -> None:
        if self._live:
            console.say("")
