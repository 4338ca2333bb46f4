"""The production stack as it runs: what a container that was taken over could still do."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import yaml

from fleet import keys, secret_files
from fleet.secret_files import NAMES
from fleet.services import BY_NAME, ROOT, SERVICES, Service
from tests.docker.stack import Stack, running
from tests.fleets import data_folder
from tests.shop import Shop

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

# Which of these tell how they are?
ASK = """
import sys, urllib.request

for target in sys.argv[1:]:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as page:
        if b"# TYPE" in page.read():
            print(target)
"""

# Does PostgreSQL let in who shows this password?
SHOW = """
import asyncio, asyncpg, sys

async def show(password):
    try:
        await asyncpg.connect("postgresql://cart_app@postgres:5432/shop", password=password)
        print("let in")
    except asyncpg.InvalidPasswordError:
        print("refused")

asyncio.run(show(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with data_folder() as folder, running(folder) as stack:
        yield stack


@pytest.fixture
async def staff(stack: Stack) -> AsyncIterator[Shop]:
    async with Shop(stack.urls, token=stack.token("staff")) as shop:
        yield shop


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
    own = {f"{service.name}.key"} if service.calls else set()
    callers = {
        f"{each.name}.{which}"
        for each in SERVICES
        if service.name in each.calls
        for which in ("pub", "next.pub")
    }
    held = stack.sh(service.name, "ls /run/secrets").split()
    assert set(held) == {"database_password"} | own | callers


def test_no_secret_is_in_an_environment(stack: Stack) -> None:
    secrets = [path.read_text() for path in stack.secrets.iterdir() if path.suffix != ".pub"]
    assert len(secrets) == len(NAMES) + len(keys.PAIRS)
    for name in ("postgres", *BY_NAME):
        environment = json.dumps(stack.containers[name]["Config"])
        assert not [each for each in secrets if each in environment], name


async def test_nobody_gets_in_without_a_token(stack: Stack) -> None:
    async with Shop(stack.urls) as stranger:
        for service, path in (("cart", f"/carts/{uuid4()}"), ("order", "/orders")):
            assert (await stranger[service].get(path)).status_code == 401


async def test_a_purchase(stack: Stack, staff: Shop) -> None:
    """By every edge of the graph: each service shows its peers a token that they believe."""
    order = await staff.paid_order({await staff.product(): 1})
    order_id = {"order_id": order["order_id"]}
    money = {"amount": order["total"], "currency": order["currency"]}
    await staff.post("transaction", "/transactions", order_id | money)
    await staff.post("fulfilment", "/fulfilments", order_id)
    path = f"/orders/{order['order_id']}"
    await staff.until("order", path, status="fulfilled")
    async with Shop(stack.urls, token=stack.token("customer", uuid4())) as another:
        assert (await another["order"].get(path)).status_code == 404


def test_postgresql_is_not_published(stack: Stack) -> None:
    found = stack.containers["postgres"]
    assert not found["NetworkSettings"]["Ports"].get("5432/tcp")
    host = found["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert (host["PidsLimit"], host["Memory"]) == (400, 2 * 2**30)


@pytest.mark.parametrize(
    "name", ["postgres", "schema", "outside", "auditor", "prometheus", "grafana"]
)
def test_what_is_beside_the_services_is_bounded_too(stack: Stack, name: str) -> None:
    host = stack.containers[name]["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert 0 < host["PidsLimit"] <= 400
    assert 0 < host["Memory"] <= 2 * 2**30


def test_prometheus_can_ask_everybody_and_only_grafana_shows_it(stack: Stack) -> None:
    settings = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())
    (job,) = settings["scrape_configs"]
    (targets,) = [each["targets"] for each in job["static_configs"]]
    assert len(targets) == len(SERVICES) + 1
    assert stack.python("prometheus", ASK, *targets).split() == targets
    assert stack.python("grafana", REACH, "prometheus:9090").split() == ["prometheus"]
    assert not any(stack.containers["prometheus"]["NetworkSettings"]["Ports"].values())


def test_auditor_gets_at_the_books_with_a_password_from_a_file(stack: Stack) -> None:
    said = stack.sh("auditor", "python -m fleet.audit --safety-only")
    assert said.splitlines()[-1].startswith("0 of "), said


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


@EVERY
def test_service_has_no_way_to_the_world(stack: Stack, service: Service) -> None:
    """Of its networks one is not internal, and what goes out there keeps an address that nobody
    answers. The provider's keys, which the purchase above needs, came through `outside`."""
    networks = stack.containers[service.name]["NetworkSettings"]["Networks"]
    project = stack.project
    open_ones = [
        found
        for name in networks
        if not (found := stack.network(name.removeprefix(f"{project}_")))["Internal"]
    ]
    assert [found["Name"] for found in open_ones] == [f"{project}_published"]
    options = open_ones[0]["Options"]
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert options["com.docker.network.bridge.enable_icc"] == "false"
    assert set(stack.network("outside")["Containers"]) == {stack.containers["outside"]["Id"]}


def test_the_way_out_holds_no_secret_and_is_not_published(stack: Stack) -> None:
    found = stack.containers["outside"]
    assert not any(found["NetworkSettings"]["Ports"].values())
    assert not found["Mounts"]
    assert stack.python("payment", REACH, "outside:8012").split() == ["outside"]


async def test_a_password_is_changed(stack: Stack, staff: Shop) -> None:
    """As docs/operations.md says. The last test here: the cart's container is another one then."""
    file = stack.secrets / "cart_db_password"
    before = file.read_text()
    file.unlink()
    secret_files.make(stack.secrets)
    stack.compose("up", "--wait", "--force-recreate", "schema", "cart")
    stack.look()
    shown = [stack.python("cart", SHOW, each).strip() for each in (before, file.read_text())]
    assert shown == ["refused", "let in"]
    await staff.cart({await staff.product(): 1})


def related(service: Service) -> set[str]:
    """The peers it calls, and those who call it: these share a network with it."""
    return {*service.calls, *(each.name for each in SERVICES if service.name in each.calls)}


def networks_of(stack: Stack, name: str) -> list[tuple[str, dict[str, Any]]]:
    found = stack.containers[name]["NetworkSettings"]["Networks"]
    return [(name, settings) for settings in found.values()]
