"""`kill -9` of any service, or of PostgreSQL, while people buy: every purchase ends whole, and the
books are right."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fleet.services import SERVICES
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.shop import Shop

SHOPPERS = 4


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """One of its own: what happens to it is nothing for other tests."""
    with data_folder() as folder, embedded_fleet(folder) as running:
        yield running


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.urls) as shop:
        yield shop


async def insist(
    shop: Shop, service: str, path: str, body: dict[str, Any], key: str
) -> httpx.Response:
    """POST as a good client does: again with the same key, until there is an answer."""
    async with asyncio.timeout(45):
        while True:
            try:
                answer = await shop[service].post(path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            again = answer.headers.get("retry-after")
            if again is None:
                return answer
            await asyncio.sleep(min(float(again), 0.5))


async def until_completed(shop: Shop, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(45):
        while job["status"] not in ("completed", "failed"):
            await asyncio.sleep(0.1)
            try:
                job = (await shop["fulfilment"].get(f"/fulfilments/{job['job_id']}")).json()
            except httpx.TransportError:
                continue
    return job


async def buy(shop: Shop, sku: str, customer_id: str) -> str:
    """A whole purchase. Returns its order's id."""
    cart_id = str(uuid4())
    line = {"sku": sku, "quantity": 2}
    added = await insist(shop, "cart", f"/carts/{cart_id}/items", line, f"add-{cart_id}")
    assert added.json()["item_count"] == 2, added.text
    wanted = {"customer_id": customer_id, "cart_id": cart_id}
    placed = await insist(shop, "order", "/orders", wanted, f"order-{cart_id}")
    assert placed.status_code == 201, placed.text
    order = placed.json()
    amount = {name: order[name] for name in ("order_id", "currency")} | {"amount": order["total"]}
    payment = amount | {"method": {"type": "card", "token": "tok_ok"}}
    paid = await insist(shop, "payment", "/payments", payment, f"pay-{cart_id}")
    assert paid.json()["status"] == "captured", paid.text
    charged = await insist(shop, "transaction", "/transactions", amount, f"charge-{cart_id}")
    assert charged.status_code == 201, charged.text
    await shipped(shop, order["order_id"], cart_id)
    return str(order["order_id"])


async def shipped(shop: Shop, order_id: str, cart_id: str) -> None:
    """A capture makes the order paid surely, if not at once; until then it does not ship."""
    async with asyncio.timeout(45):
        while True:
            body = {"order_id": order_id}
            answer = await insist(shop, "fulfilment", "/fulfilments", body, f"ship-{cart_id}")
            if answer.status_code != 409:
                break
            assert answer.json()["type"] == "/problems/order-not-paid", answer.text
            await asyncio.sleep(0.1)
    job = await until_completed(shop, answer.json())
    assert job["status"] == "completed", job


def process_of(fleet: Fleet, victim: str) -> int:
    folder = Path(fleet.environment["DATA_DIR"])
    if victim == "postgres":
        return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    return int((folder / "pids" / f"{victim}.pid").read_text())


@pytest.mark.parametrize("victim", [*(service.name for service in SERVICES), "postgres"])
async def test_every_purchase_ends_whole(fleet: Fleet, shop: Shop, victim: str) -> None:
    sku, customer_id = await shop.product(stock=1000), await shop.customer()
    under_way, killed = asyncio.Event(), asyncio.Event()
    placed: list[str] = []

    async def shopper() -> None:
        while not killed.is_set():
            placed.append(await buy(shop, sku, customer_id))
            under_way.set()
        placed.append(await buy(shop, sku, customer_id))

    async def killer() -> None:
        """Once one purchase has gone through: the others are somewhere in the middle."""
        await under_way.wait()
        os.kill(process_of(fleet, victim), signal.SIGKILL)
        killed.set()

    await asyncio.gather(*(shopper() for _ in range(SHOPPERS)), killer())
    assert len(placed) == len(set(placed)) >= SHOPPERS * 2
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == 1000 - 2 * len(placed)
    for order_id in placed:
        await shop.until("order", f"/orders/{order_id}", status="fulfilled")
    audit = await asyncio.to_thread(fleet.run, "fleet.audit", "--safety-only")
    assert audit.returncode == 0, audit.stdout
