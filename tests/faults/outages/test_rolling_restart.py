"""SIGTERM of one service after the other while people buy: no call fails after one retry."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fleet.services import SERVICES
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.polling import until
from tests.shop import Shop, unique

SHOPPERS = 4
DRAINED_WITHIN = 10


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with data_folder() as folder, embedded_fleet(folder) as running:
        yield running


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.urls) as shop:
        yield shop


class Shopper:
    """Asks at most twice, a second apart, and counts how that went."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.counts: Counter[str] = Counter()

    async def ask(self, method: str, service: str, path: str, body: Any = None) -> Any:
        """The JSON of a call that must succeed, the second time at the latest."""
        headers = {"Idempotency-Key": unique("key")}
        first = await self._once(method, service, path, body, headers)
        self.counts["calls"] += 1
        if first.is_success:
            return first.json()
        self.counts["retries"] += 1
        await asyncio.sleep(1)  # what Retry-After says
        second = await self._once(method, service, path, body, headers)
        assert second.is_success, f"{method} {service}{path}: {first.text}, then {second.text}"
        return second.json()

    async def _once(
        self, method: str, service: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        try:
            return await self.shop[service].request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            return httpx.Response(503, text=f"no answer ({error!r})")

    async def buy(self, sku: str, customer_id: str) -> str:
        """A whole purchase. Returns its order's id."""
        cart = await self.ask("POST", "cart", "/carts", {})
        line = {"sku": sku, "quantity": 2}
        await self.ask("POST", "cart", f"/carts/{cart['cart_id']}/items", line)
        wanted = {"customer_id": customer_id, "cart_id": cart["cart_id"]}
        order = await self.ask("POST", "order", "/orders", wanted)
        where = f"/orders/{order['order_id']}"
        amount = {"order_id": order["order_id"], "amount": order["total"], "currency": "EUR"}
        card = {"type": "card", "token": "tok_ok"}
        await self.ask("POST", "payment", "/payments", amount | {"method": card})
        await self.ask("POST", "transaction", "/transactions", amount)
        # A capture makes the order paid surely, if not at once.
        await until(
            lambda: self.ask("GET", "order", where),
            lambda order: order["status"] == "paid",
            seconds=20,
        )
        await self.ask("POST", "fulfilment", "/fulfilments", {"order_id": order["order_id"]})
        await self.ask("GET", "search", f"/search?q={sku}")
        return str(order["order_id"])


def pid_of(fleet: Fleet, service: str) -> int:
    return int((Path(fleet.environment["DATA_DIR"]) / "pids" / f"{service}.pid").read_text())


async def restart(fleet: Fleet, shop: Shop, service: str) -> None:
    """Returns when another process of the service is ready."""
    before = pid_of(fleet, service)
    os.kill(before, signal.SIGTERM)

    async def is_another() -> bool:
        return pid_of(fleet, service) != before and await is_ready(shop, service)

    await until(is_another, seconds=DRAINED_WITHIN)


async def is_ready(shop: Shop, service: str) -> bool:
    try:
        return (await shop[service].get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_no_call_fails_after_one_retry(fleet: Fleet, shop: Shop) -> None:
    sku, customer_id = await shop.product(stock=100_000), await shop.customer()
    shopper, done = Shopper(shop), asyncio.Event()
    placed: list[str] = []

    async def keep_buying() -> None:
        while not done.is_set():
            placed.append(await shopper.buy(sku, customer_id))

    async def roll() -> None:
        for service in SERVICES:
            await restart(fleet, shop, service.name)
        done.set()

    async with asyncio.TaskGroup() as group:
        for work in (*(keep_buying() for _ in range(SHOPPERS)), roll()):
            group.create_task(work)
    assert shopper.counts["retries"] < shopper.counts["calls"] / 10, shopper.counts
    for order_id in placed:
        await shop.until("order", f"/orders/{order_id}", status="fulfilled")
    log = (Path(fleet.environment["DATA_DIR"]) / "logs" / "fleet.log").read_text()
    for service in SERVICES:
        assert f"{service.name} ended with status 0; starting it again" in log, log
    audit = await asyncio.to_thread(fleet.run, "fleet.audit")
    assert audit.returncode == 0, audit.stdout
