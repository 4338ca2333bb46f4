"""The processes of a fleet, found by the names that the supervisor writes down."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from .schedule import NAMES, POSTGRES


@dataclass(frozen=True)
class Process:
    """A row of `ps`."""

    pid: int
    parent: int
    kilobytes: int


def all_processes() -> list[Process]:
    columns = ["-A", "-o", "pid=", "-o", "ppid=", "-o", "rss="]
    told = subprocess.run(["ps", *columns], capture_output=True, text=True, check=True).stdout  # noqa: S607  # its path differs by system
    return [Process(*map(int, line.split())) for line in told.splitlines()]


class Victims:
    """Who they are at this moment, and how to reach them."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def pid(self, name: str) -> int | None:
        """None while it does not run, or has not said so yet."""
        folder, file = ("postgres", "postmaster") if name == POSTGRES else ("pids", name)
        with suppress(OSError, ValueError, IndexError):
            return int((self._data_dir / folder / f"{file}.pid").read_text().split()[0])
        return None

    def with_children(self, name: str) -> list[int]:
        """PostgreSQL with its backends; a service is alone. The parent is first."""
        if name != POSTGRES:
            return [] if (pid := self.pid(name)) is None else [pid]
        pid = self.pid(POSTGRES)
        if pid is None:
            return []
        return [pid, *(each.pid for each in all_processes() if each.parent == pid)]

    def memory(self) -> dict[str, int]:
        """Kilobytes by service; those that do not run are left out."""
        by_pid = {process.pid: process.kilobytes for process in all_processes()}
        held = {name: by_pid.get(pid) for name in NAMES if (pid := self.pid(name)) is not None}
        return {name: kilobytes for name, kilobytes in held.items() if kilobytes}


def send(wanted: Signals, *pids: int) -> None:
    """To each that still is there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, wanted)
