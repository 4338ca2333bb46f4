"""What stops a fleet from coming up is told in a line or two, with the way out."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from fleet import processes
from fleet.failure import Failure
from fleet.logs import REFUSAL

from .conftest import ROOT, Fleet

BROKEN = "raise RuntimeError('no such thing')"
ENDING = "import sys\nsys.exit('I cannot work like this')"


def refusal(fleet: Fleet, **environment: str) -> str:
    """What the failing `up` says; nothing of it may be left."""
    status, said = fleet.run("up", **environment)
    assert status == 1
    assert "Traceback" not in said.partition("The end of")[0]
    assert fleet.processes() == []
    return said


def test_a_taken_port_is_named_with_its_holder(new_fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", new_fleet.base + 2)):
        said = refusal(new_fleet)
    assert f"Port {new_fleet.base + 2} is taken by process {os.getpid()} (" in said
    assert "PORT_BASE=9000 make up" in said


def test_a_port_that_is_taken_while_the_fleet_starts_is_named_too(port_base: int) -> None:
    at = "127.0.0.1", port_base + 1
    with socket.create_server(at), pytest.raises(Failure) as told:
        processes.listen(*at)
    assert f"Port {port_base + 1} is taken by process {os.getpid()} (" in str(told.value)


def test_an_old_data_folder(fleet: Fleet) -> None:
    (fleet.data / "postgres" / "PG_VERSION").write_text("15\n")
    said = refusal(fleet)
    assert "is an old data folder, of PostgreSQL 15: PostgreSQL 18 cannot read it" in said
    assert "DATABASE_URL=" in said


def test_lost_passwords(fleet: Fleet) -> None:
    (fleet.data / "secrets.json").unlink()
    assert "secrets.json is lost" in refusal(fleet)


def test_a_damaged_database(fleet: Fleet) -> None:
    (fleet.data / "postgres" / "global" / "pg_control").unlink()
    said = refusal(fleet)
    assert "PostgreSQL ended with status" in said
    assert "pg_control" in said


def test_a_server_that_is_not_there(new_fleet: Fleet) -> None:
    said = refusal(
        new_fleet, DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{new_fleet.base + 1}/shop"
    )
    assert "The PostgreSQL of DATABASE_URL does not answer within 5 s" in said
    assert "secret" not in said


def test_a_server_that_accepts_and_says_nothing(new_fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        said = refusal(new_fleet, DATABASE_URL=f"postgresql://me@127.0.0.1:{port}/shop")
    assert "does not answer within 5 s" in said


@pytest.mark.parametrize(
    ("variable", "text"),
    [("PORT_BASE", "eighty"), ("PORT_BASE", "70000"), ("POSTGRES_PORT", "-1")],
)
def test_a_port_that_is_none(new_fleet: Fleet, variable: str, text: str) -> None:
    assert f"{variable}={text} is not a port" in refusal(new_fleet, **{variable: text})


@pytest.mark.parametrize(
    ("variable", "text"),
    [("BIND_ADDRESS", "0.0.0.0"), ("BIND_ADDRESS", "::"), ("ENVIRONMENT", "production")],  # noqa: S104  # refused
)
def test_a_fleet_that_asks_nobody_is_not_exposed(
    new_fleet: Fleet, variable: str, text: str
) -> None:
    """In one line, before anything is made or started."""
    said = refusal(new_fleet, **{variable: text})
    assert f"{variable}={text}" in said
    assert len(said.splitlines()) == 1
    assert not new_fleet.data.exists()


@pytest.mark.parametrize(
    ("variable", "service"), [("LOG_LEVEL", "product_catalogue"), ("CART_DAYS", "cart")]
)
def test_a_variable_that_a_service_refuses_is_told_in_one_line(
    fleet: Fleet, variable: str, service: str
) -> None:
    """The ten services refuse it. What an earlier start has left in a log is passed over."""
    (fleet.data / "logs").mkdir()
    (fleet.data / "logs" / f"{service}.log").write_text(f"{service}: X is wrong. {REFUSAL}\n")
    done = subprocess.run(
        [sys.executable, "-m", "fleet", "up"],
        cwd=ROOT,
        env={**fleet.environment, variable: "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{service}: {variable} is wrong: ")


def test_a_service_that_cannot_be_imported(fleet: Fleet) -> None:
    fleet.write("beta", BROKEN)
    said = refusal(fleet)
    assert "beta ended with status 1" in said
    assert "RuntimeError: no such thing" in said


def test_a_service_that_ends_while_starting(fleet: Fleet) -> None:
    fleet.write("beta", ENDING)
    said = refusal(fleet)
    assert "beta ended with status" in said
    assert "I cannot work like this" in said


def test_a_stop_while_starting_is_a_stop(new_fleet: Fleet) -> None:
    supervisor = new_fleet.begin("up")
    assert supervisor.stdout
    assert "Data folder" in supervisor.stdout.readline()
    supervisor.send_signal(signal.SIGINT)
    said, _ = supervisor.communicate(timeout=20)
    assert (supervisor.returncode, said.splitlines()[-1]) == (0, "Stopped.")
    assert new_fleet.processes() == []
