"""Rules by promtool; and every panel and alert, asked of a Prometheus that scrapes a fleet."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conftest import run_sql
from fleet.postgres import Postgres
from fleet.up import DATABASE
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.observed.prometheus.server import Prometheus, auditor, prometheus
from tests.observed.watched import HOME, alerts, panels, rules
from tests.shop import Shop

SECONDS = 60

# What a machine that has other things to do may bring about.
SLOW = {"LatencyBurnFast", "LatencyBurnSlow"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", str(HOME / "prometheus.yml")),
        ("check", "rules", str(HOME / "alerts.yml")),
        ("test", "rules", str(HOME / "alerts.test.yml")),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool(arguments: tuple[str, ...]) -> None:
    said = subprocess.run(
        ["/usr/bin/env", "promtool", *arguments], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with data_folder() as folder, embedded_fleet(folder) as running:
        yield running


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> Iterator[Prometheus]:
    at = fleet.base + 12
    with (
        data_folder() as folder,
        auditor(fleet, at),
        prometheus(fleet, folder, at + 1, at) as server,
    ):
        yield server


async def trade(shop: Shop) -> None:
    """Something of everything that is counted."""
    order = await shop.paid_order({await shop.product(stock=10): 1})
    await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    await shop.post("payment", f"/payments/{order['payment_id']}/refunds", {"amount": "1.00"})
    await shop["payment"].post("/payments", json={})


async def unanswered(server: Prometheus, shop: Shop) -> list[str]:
    """The panels that show nothing, after a while of trading."""
    empty: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                await trade(shop)
                empty = await asyncio.to_thread(without_data, server)
                if not empty:
                    return empty
                await asyncio.sleep(0.5)  # it scrapes by its own clock; SECONDS bounds all looks
    except TimeoutError:
        return empty


def without_data(server: Prometheus) -> list[str]:
    filled = {"$__rate_interval": "15s", "$service": "order|payment"}
    names = []
    for panel in panels():
        expression = panel.expression
        for variable, value in filled.items():
            expression = expression.replace(variable, value)
        try:
            if not server.query(expression):
                names.append(panel.name)
        except httpx.TransportError:
            names.append(panel.name)
    return names


async def test_every_panel_shows_something(fleet: Fleet, server: Prometheus) -> None:
    async with Shop(fleet.urls) as shop:
        assert await unanswered(server, shop) == []


async def test_every_rule_is_evaluated_and_no_promise_is_broken(server: Prometheus) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            found = await asyncio.to_thread(server.rules)
            if found and all(rule["health"] == "ok" for rule in found):
                break
            await asyncio.sleep(0.5)  # it evaluates by its own clock; SECONDS bounds all looks
    assert {rule["name"] for rule in found} == {rule.name for rule in rules()}
    firing = {rule["name"] for rule in found if rule.get("state") == "firing"}
    assert firing <= SLOW
    assert {rule["name"] for rule in found if rule["type"] == "alerting"} == set(alerts())


async def test_a_broken_invariant_is_seen(fleet: Fleet, server: Prometheus) -> None:
    """The last one here: it breaks the books."""
    async with Shop(fleet.urls) as shop:
        await shop.order({await shop.product(stock=10): 1})
    owner = Postgres(Path(fleet.environment["DATA_DIR"])).dsn(DATABASE)
    await run_sql(owner, "UPDATE orders.orders SET total_minor = total_minor + 1")
    async with asyncio.timeout(SECONDS):
        while True:
            firing = await asyncio.to_thread(server.query, 'ALERTS{alertstate="firing"}')
            if "InvariantBroken" in {each["metric"]["alertname"] for each in firing}:
                return
            await asyncio.sleep(0.5)  # it evaluates by its own clock; SECONDS bounds all looks
