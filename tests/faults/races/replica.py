"""A second fulfilmentService over the fleet's database, as somebody would run two."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from fleet import passwords
from fleet.database import dsn_for
from fleet.postgres import Postgres
from fleet.services import BY_NAME, ROOT
from fleet.settings import Settings
from fleet.up import DATABASE
from tests import ports
from tests.fleets import Fleet

FULFILMENT = BY_NAME["fulfilment"]


@dataclass(frozen=True)
class Replica:
    url: str
    pid: int


@contextmanager
def second_fulfilment(fleet: Fleet) -> Iterator[Replica]:
    """It runs when the block begins, and is gone when it ends, whatever was done to it."""
    with (
        ports.reserved() as base,
        (Settings.from_environment(fleet.environment).logs / "replica.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", FULFILMENT.module + ":app", "--port", str(base + 1)],
            cwd=ROOT,
            env={**os.environ, **_environment(fleet)},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        url = f"http://127.0.0.1:{base + 1}"
        try:
            _wait_until_ready(url, process)
            yield Replica(url, process.pid)
        finally:
            process.kill()


def _environment(fleet: Fleet) -> dict[str, str]:
    folder = Settings.from_environment(fleet.environment).data_dir
    password = passwords.load(folder, [FULFILMENT.name])[FULFILMENT.name]
    dsn = dsn_for(Postgres(folder).dsn(DATABASE), f"{FULFILMENT.name}_app", password)
    peers = {BY_NAME[peer].url_variable: fleet.urls[peer] for peer in FULFILMENT.calls}
    return {"DATABASE_URL": dsn, **peers}


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while not _is_ready(url):
        assert process.poll() is None, "the second fulfilmentService has ended"
        assert time.monotonic() < deadline, "the second fulfilmentService is not ready"
        time.sleep(0.05)  # between two looks; the deadline bounds them all


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
