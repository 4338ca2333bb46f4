"""A service by itself, as a newcomer starts it: uvicorn in its folder, and a database."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from conftest import run_sql, with_database
from fleet.services import BY_NAME, ROOT, SERVICES
from tests.fleets import free_base


@contextmanager
def alone(name: str, dsn: str) -> Iterator[httpx.Client]:
    port = free_base()
    peers = {BY_NAME[peer].url_variable: "http://127.0.0.1:9" for peer in BY_NAME[name].calls}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)],
        cwd=ROOT / BY_NAME[name].folder,
        env={**os.environ, **peers, "DATABASE_URL": dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            until = time.monotonic() + 20
            while not _is_ready(client):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < until, "it is not ready after 20 s"
            yield client
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_an_empty_database_is_enough(postgres: str, name: str) -> None:
    database = f"alone_{name}"
    asyncio.run(run_sql(postgres, f"CREATE DATABASE {database}"))
    try:
        with alone(name, with_database(postgres, database)) as client:
            assert client.get("/docs").status_code == 200
    finally:
        asyncio.run(run_sql(postgres, f"DROP DATABASE {database} WITH (FORCE)"))


def test_missing_variable_ends_it_with_one_line() -> None:
    bare = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(free_base())],
        cwd=ROOT / "customerService",
        env=bare,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    assert "customer: DATABASE_URL is not set." in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
