"""The production stack as it runs: what a container that was taken over could still do."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet import secret_files
from fleet.services import BY_NAME, ROOT, SERVICES, Service
from tests.fleets import data_folder, free_base

EVERY = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

# What is asked in a container: which of these may I reach?
REACH = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def look(place):
    host, port = place.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        print(host, flush=True)
    except OSError:
        pass

with ThreadPoolExecutor(60) as threads:
    list(threads.map(look, sys.argv[1:]))
"""


class Stack:
    """The containers of a project, as Docker describes them."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self.containers: dict[str, Any] = {}

    def compose(self, *arguments: str) -> str:
        files = ("-f", "docker-compose.yml", "-f", "docker-compose.prod.yml")
        return self._docker("compose", *files, *arguments)

    def _docker(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["/usr/bin/env", "docker", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done.stdout

    def look(self) -> None:
        """Ask Docker once what there is."""
        ids = self.compose("ps", "--all", "--quiet").split()
        for each in json.loads(self._docker("inspect", *ids)):
            self.containers[each["Config"]["Labels"]["com.docker.compose.service"]] = each

    def python(self, name: str, program: str, *arguments: str) -> str:
        """What a program says that runs in this container."""
        return self._exec(name, "python", "-c", program, *arguments)

    def sh(self, name: str, command: str) -> str:
        return self._exec(name, "sh", "-c", command).strip()

    def _exec(self, name: str, *command: str) -> str:
        return self._docker("exec", self.containers[name]["Id"], *command, check=False)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with data_folder() as folder, running(folder) as stack:
        yield stack


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    secret_files.make(folder)
    base = free_base()
    ports = {f"{each.name.upper()}_PORT": str(each.port(base)) for each in SERVICES}
    project = {"COMPOSE_PROJECT_NAME": f"shop-prod-{os.getpid()}", "SECRETS_DIR": str(folder)}
    stack = Stack({**ports, **project})
    try:
        stack.compose("up", "--build", "--wait", "--quiet-pull")
        stack.look()
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")


@EVERY
def test_container_can_do_little(stack: Stack, service: Service) -> None:
    found = stack.containers[service.name]
    host = found["HostConfig"]
    assert found["State"]["Health"]["Status"] == "healthy"
    assert found["Config"]["User"] == "10001:10001"
    assert host["ReadonlyRootfs"] is True
    assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert 0 < host["PidsLimit"] <= 100
    assert 0 < host["Memory"] <= 512 * 2**20
    assert not host["PidMode"]
    assert host["IpcMode"] == "private"
    assert not any(mount["RW"] for mount in found["Mounts"])
    assert set(found["NetworkSettings"]["Ports"]) == {f"{service.port(8000)}/tcp"}


@EVERY
def test_container_is_what_it_says(stack: Stack, service: Service) -> None:
    """Asked from inside."""
    status = stack.sh(service.name, "cat /proc/self/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert told["Uid"].split() == ["10001"] * 4
    assert (int(told["CapEff"], 16), int(told["CapBnd"], 16)) == (0, 0)
    assert told["NoNewPrivs"] == "1"
    assert stack.sh(service.name, "touch /srv/x || echo refused").endswith("refused")
    assert stack.sh(service.name, "ls /run/secrets") == "database_password"


def test_no_secret_is_in_an_environment(stack: Stack) -> None:
    passwords = [path.read_text() for path in secrets_of(stack)]
    assert len(passwords) == 12
    for name in ("postgres", *BY_NAME):
        environment = json.dumps(stack.containers[name]["Config"])
        assert not [each for each in passwords if each in environment], name


def secrets_of(stack: Stack) -> list[Path]:
    folder = stack.containers["cart"]["Mounts"][0]["Source"]
    return sorted(Path(folder).parent.iterdir())


def test_postgresql_is_not_published(stack: Stack) -> None:
    found = stack.containers["postgres"]
    assert not found["NetworkSettings"]["Ports"].get("5432/tcp")
    host = found["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert (host["PidsLimit"], host["Memory"]) == (400, 2 * 2**30)


@EVERY
def test_service_reaches_its_peers_and_nobody_else(stack: Stack, service: Service) -> None:
    others = [each for each in SERVICES if each is not service]
    addresses = [
        (name, settings["IPAddress"])
        for each in others
        for name, settings in networks_of(stack, each.name)
    ]
    places = [f"{each.name}.peers:{each.port(8000)}" for each in others]
    # By address as well: a name is only looked up where it may be.
    by_address = [f"{address}:{BY_NAME[name].port(8000)}" for name, address in addresses]
    reached = stack.python(service.name, REACH, "postgres:5432", *places, *by_address).split()
    addresses_of_peers = {address for name, address in addresses if name in related(service)}
    names = {each.removesuffix(".peers") for each in reached if not each[0].isdigit()}
    assert names == {"postgres", *service.calls}
    assert {each for each in reached if each[0].isdigit()} <= addresses_of_peers


def related(service: Service) -> set[str]:
    """The peers it calls, and those who call it: these share a network with it."""
    return {*service.calls, *(each.name for each in SERVICES if service.name in each.calls)}


def networks_of(stack: Stack, name: str) -> list[tuple[str, dict[str, Any]]]:
    found = stack.containers[name]["NetworkSettings"]["Networks"]
    return [(name, settings) for settings in found.values()]


def test_file_names_every_secret_once() -> None:
    document = yaml.safe_load(
        (ROOT / "docker-compose.prod.yml")
        .read_text()
        .replace("!reset", "")
        .replace("!override", "")
    )
    assert set(document["secrets"]) == set(secret_files.NAMES)
