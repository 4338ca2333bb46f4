"""On what, and with which versions, something was measured."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fleet import cluster
from fleet.services import ROOT

LIBRARIES = (
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "uvloop",
    "httptools",
    "asyncpg",
    "httpx",
    "httpx-aiohttp",
    "aiohttp",
)


def describe() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": _told([str(cluster.binary("postgres")), "-V"]).split()[-1],
        "commit": _told(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]),
        **{library: version(library) for library in LIBRARIES},
    }


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _told(command: list[str]) -> str:
    """What a program says; nothing where it is missing, or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
