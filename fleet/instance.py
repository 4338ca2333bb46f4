"""One fleet a data folder, and what a second command can learn about it.

Two locks tell all there is to know, and the kernel drops them with the processes that hold them:
`fleet.pid` is held by the supervisor alone, so it is locked while the fleet is looked after;
`fleet.lock` is held by every process of the fleet, PostgreSQL's included, so it is free when
nothing is left.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from .failure import Failure
from .settings import Settings


@dataclass(frozen=True)
class Running:
    """The fleet that runs on a data folder. Older versions do not write what has a default."""

    pid: int
    host: str
    port_base: int
    data_dir: str
    postgres_port: int | None = None
    auth_mode: str = "dev"
    on_given_server: bool = False


class AlreadyRunning(Exception):
    """A fleet is looked after on this data folder."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self.running = running


def this_one(settings: Settings) -> Running:
    return Running(
        os.getpid(),
        settings.reachable_host,
        settings.port_base,
        str(settings.data_dir),
        settings.postgres_port,
        settings.auth_mode,
        # Not the URL itself: it may hold a password, and this file is no secret.
        on_given_server=settings.database_url is not None,
    )


@contextmanager
def claim(settings: Settings, patience: float = 15) -> Iterator[int]:
    """Hold both locks; yields the descriptor of the one that other programs should inherit.

    Raises AlreadyRunning, or Failure when an earlier fleet does not go away.
    """
    if running := find(settings.data_dir):
        raise AlreadyRunning(running)
    with (
        _locked(settings.data_dir / "fleet.lock", patience) as shared,
        _locked(settings.data_dir / "fleet.pid", patience=1) as own,
    ):
        os.register_at_fork(after_in_child=own.close)
        own.truncate(0)
        print(json.dumps(asdict(this_one(settings))), file=own, flush=True)
        yield shared.fileno()
        own.truncate(0)


def find(data_dir: Path) -> Running | None:
    """The fleet that is looked after now, if there is one."""
    path = data_dir / "fleet.pid"
    if _is_free(path):
        return None
    try:
        return Running(**json.loads(path.read_text()))
    except (TypeError, ValueError):
        return None  # it is about to say who it is, or has just stopped


def settings_now(environ: Mapping[str, str]) -> Settings:
    """What the fleet of this data folder was started with, where one runs; else the environment's
    choice. Raises Failure when a variable makes no sense."""
    chosen = Settings.from_environment(environ)
    if not (running := find(chosen.data_dir)):
        return chosen
    return replace(
        chosen,
        host=running.host,
        port_base=running.port_base,
        postgres_port=running.postgres_port,
        auth_mode=running.auth_mode,
    )


def is_gone(data_dir: Path) -> bool:
    """No process of a fleet on this data folder is left."""
    return _is_free(data_dir / "fleet.lock")


def _is_free(path: Path) -> bool:
    try:
        with path.open() as file:
            return _try(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return True


@contextmanager
def _locked(path: Path, patience: float) -> Iterator[TextIO]:
    with path.open("a") as file:
        deadline = time.monotonic() + patience
        while not _try(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Failure(f"An earlier fleet still holds {path}. To end it: make down")
            time.sleep(0.05)  # the lock tells nobody; `patience` bounds all looks
        yield file


def _try(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
