"""A bar on a terminal, a line every tenth elsewhere."""

import sys
import time

from .. import console

WIDTH = 32


class Progress:
    """Counts up to `total`, with the pace and the time that is left."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._live = sys.stdout.isatty()

    def advance(self, by: int = 1) -> None:
        before = self._done * 10 // self._total
        self._done += by
        if self._live:
            console.say(f"\r{self._line()}", end="\n" if self._done == self._total else "")
        elif self._done * 10 // self._total > before:
            console.say(self._line())

    def _line(self) -> str:
        full = WIDTH * self._done // self._total
        pace = self._done / max(time.monotonic() - self._began, 0.001)
        left = int((self._total - self._done) / pace)
        bar = "#" * full + "." * (WIDTH - full)
        count = f"{self._done:,}/{self._total:,}"
        rest = f"{left // 60}:{left % 60:02} left"
        return f"  {self._what:10} [{bar}] {count:>13}  {pace:6.1f}/s  {rest}"
