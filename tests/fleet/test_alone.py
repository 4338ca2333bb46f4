"""A service by itself, as a newcomer starts it: uvicorn in its folder, and a database."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from conftest import run_sql, with_database
from fleet.services import BY_NAME, ROOT, SERVICES
from tests import ports

DSN = "postgresql://nobody@127.0.0.1:9/shop"

UVICORN = ("uvicorn", "app.main:app", "--port")
# What a container runs.
OWN_SERVER = ("chassis.server",)


@contextmanager
def alone(
    name: str, dsn: str, server: Sequence[str] = UVICORN, **environment: str
) -> Iterator[httpx.Client]:
    peers = {BY_NAME[peer].url_variable: "http://127.0.0.1:9" for peer in BY_NAME[name].calls}
    with (
        ports.reserved() as base,
        subprocess.Popen(
            [sys.executable, "-m", *server, str(base + 1)],
            cwd=ROOT / BY_NAME[name].folder,
            env={**os.environ, **peers, "DATABASE_URL": dsn, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{base + 1}", timeout=5) as client:
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


def test_a_container_starts_where_it_is_published_on_this_machine(postgres: str) -> None:
    dsn = with_database(postgres, "alone_in_a_container")
    asyncio.run(run_sql(postgres, "CREATE DATABASE alone_in_a_container"))
    try:
        with alone(
            "customer", dsn, OWN_SERVER, PYTHONPATH=str(ROOT), BIND_ADDRESS="127.0.0.1"
        ) as client:
            assert client.get("/customers").status_code == 200
    finally:
        asyncio.run(run_sql(postgres, "DROP DATABASE alone_in_a_container WITH (FORCE)"))


@pytest.mark.parametrize("address", ["", "192.0.2.1"])
def test_a_container_that_strangers_reach_asks_for_tokens_or_ends(address: str) -> None:
    """Where nobody says that it is published on this machine only, it may be anywhere."""
    done = refused(OWN_SERVER, PYTHONPATH=str(ROOT), DATABASE_URL=DSN, BIND_ADDRESS=address)
    assert f"customer: AUTH_MODE is dev, and others could call {address or '0.0.0.0'}" in done  # noqa: S104  # never listened on


def test_missing_variable_ends_it_with_one_line() -> None:
    assert "customer: DATABASE_URL is not set." in refused(UVICORN)


def refused(server: Sequence[str], **environment: str) -> str:
    """What a service says that does not start."""
    bare = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", *server, "0"],
        cwd=ROOT / "customerService",
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    return said
