"""What processes cost, as Linux counts it: CPU seconds and memory."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """`cpu_seconds` are its own, `children_seconds` those of its children that have ended."""

    pid: int
    parent: int
    cpu_seconds: float
    children_seconds: float


def parsed(stat: str) -> Process:
    """From the text of `/proc/<pid>/stat`. A command may have spaces and brackets in its name."""
    pid, _, rest = stat.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    user, system, children_user, children_system = (int(ticks) for ticks in fields[11:15])
    return Process(
        pid=int(pid),
        parent=int(fields[1]),
        cpu_seconds=(user + system) / TICKS,
        children_seconds=(children_user + children_system) / TICKS,
    )


def process(pid: int) -> Process:
    return parsed((PROC / str(pid) / "stat").read_text())


def cpu_of(pids: Iterable[int]) -> float:
    """CPU seconds of these processes so far."""
    return sum(process(pid).cpu_seconds for pid in pids)


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process and all that it started, directly or not, ended ones included."""
    return sum(each.cpu_seconds + each.children_seconds for each in tree(root))


def tree(root: int) -> list[Process]:
    """A process and its living descendants."""
    found, family = [process(root)], {root}
    everyone = sorted(_everyone(), key=lambda each: each.pid)
    grown = True
    while grown:
        grown = False
        for each in everyone:
            if each.parent in family and each.pid not in family:
                found.append(each)
                family.add(each.pid)
                grown = True
    return found


def _everyone() -> Iterator[Process]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                yield process(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended since


def proportional_bytes(pids: Iterable[int]) -> int:
    """Memory, what is shared counted in parts (PSS)."""
    return sum(_pss((PROC / str(pid) / "smaps_rollup").read_text()) for pid in pids)


def _pss(rollup: str) -> int:
    (line,) = (line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024


def busy_seconds() -> float:
    """CPU seconds of the whole machine so far, whoever used them."""
    return busy_of((PROC / "stat").read_text())


def busy_of(stat: str) -> float:
    user, nice, system, _idle, _waiting, irq, softirq = map(int, stat.split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS
