"""A running fleet for the journeys: the embedded one, or the containers."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from testcontainers.compose import DockerCompose

from fleet.services import ROOT, SERVICES, urls

from . import ports

T = TypeVar("T")


@dataclass(frozen=True)
class Fleet:
    """Where it answers, and how to reach into it."""

    base: int
    environment: dict[str, str]
    supervisor: "subprocess.Popen[str] | None" = None

    @property
    def urls(self) -> dict[str, str]:
        return urls(self.base)

    def pid(self, service: str) -> int:
        """Of the process that serves now, or has died last, in a fleet without containers."""
        return int(Path(self.environment["DATA_DIR"], "pids", f"{service}.pid").read_text())

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of ours against this fleet, such as `run("fleet.audit")`."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@contextmanager
def data_folder() -> Iterator[Path]:
    """For one fleet's data; gone with the block."""
    # Not below pytest's own: a second run as root would shut PostgreSQL's user out of it.
    with tempfile.TemporaryDirectory(prefix="fleet-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@asynccontextmanager
async def beside(block: AbstractContextManager[T]) -> AsyncIterator[T]:
    """This block, begun and ended in a thread: each may take seconds, in which all else goes on."""
    inside = await asyncio.to_thread(block.__enter__)
    try:
        yield inside
    finally:
        await asyncio.to_thread(block.__exit__, None, None, None)


@contextmanager
def embedded_fleet(
    folder: Path, *, base: int | None = None, module: str = "fleet", **environment: str
) -> Iterator[Fleet]:
    """`make up` without make: ten services and their PostgreSQL, ended with the block.

    `module` is the program that runs them, `base` their port base if it is reserved already.
    """
    with (
        nullcontext(base) if base else ports.reserved() as port_base,
        (folder / "up.log").open("w+") as log,
    ):
        # The containers, where there are any as well, have a port for PostgreSQL.
        own = {"PORT_BASE": str(port_base), "DATA_DIR": str(folder), "POSTGRES_PORT": ""}
        own |= environment
        process = subprocess.Popen(
            [sys.executable, "-m", module, "up"],
            cwd=ROOT,
            env={**os.environ, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            _wait_until_ready(port_base, process, Path(log.name))
            yield Fleet(port_base, own, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_until_ready(base: int, process: "subprocess.Popen[str]", log: Path) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=0), timeout=2) as client:
        waiting = set(urls(base).values())
        while waiting:
            assert process.poll() is None, f"the fleet did not start:\n{log.read_text()}"
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                waiting = {url for url in waiting if not _is_ready(client, url)}


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def compose_fleet() -> Iterator[Fleet]:
    """`docker compose up --build --wait`, under a project of its own, gone with the block."""
    with ports.reserved() as base, data_folder() as folder:
        own = {
            "COMPOSE_PROJECT_NAME": f"shop-test-{os.getpid()}",
            "POSTGRES_PORT": str(base + 11),
            **{f"{s.name.upper()}_PORT": str(s.port(base)) for s in SERVICES},
        }
        audit = f"postgresql://auditor:auditor@127.0.0.1:{base + 11}/shop"
        os.environ.update(own)
        with DockerCompose(str(ROOT), build=True, wait=True):
            # A folder of its own: a fleet of `make up` may run in the usual one.
            told = {"PORT_BASE": str(base), "DATA_DIR": str(folder), "AUDIT_DATABASE_URL": audit}
            yield Fleet(base, told | own)
