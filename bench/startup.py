"""How fast the fleet starts, and how large it is."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fleet.services import SERVICES

from . import meter
from .stand import Running, running


@dataclass(frozen=True)
class Startup:
    """Seconds from the command until all ten are ready, and what they take in memory then
    (PSS, bytes): each service, PostgreSQL, the supervisor."""

    cold_seconds: float
    warm_seconds: float
    memory: dict[str, int]


def start(folder: Path, base: int) -> Startup:
    """Start the fleet twice as `make up` does: with no data folder, and with the one it made."""
    with running("fleet", folder, base, SERVICES) as cold:
        pass
    with running("fleet", folder, base, SERVICES) as warm:
        memory = memory_of(warm)
    shutil.rmtree(folder)
    return Startup(cold.ready_after, warm.ready_after, memory)


def memory_of(fleet: Running) -> dict[str, int]:
    return {
        name: meter.proportional_bytes(each.pid for each in meter.tree(pid))
        for name, pid in fleet.pids().items()
    } | {"supervisor": meter.proportional_bytes([fleet.supervisor])}


def images() -> dict[str, str]:
    """The sizes of the fleet's container images that were built here; none without Docker."""
    command = ["docker", "image", "ls", "--filter", "reference=shop/*"]
    try:
        told = subprocess.run(
            [*command, "--format", "{{.Repository}} {{.Size}}"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(line.split(" ", 1) for line in told.stdout.splitlines())
