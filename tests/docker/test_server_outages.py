"""A PostgreSQL whose disk is full, or that is paused: refused in time, healed without a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from testcontainers.community.postgres import PostgresContainer

from fleet.services import SERVICES
from tests.fleets import Fleet
from tests.shop import Shop, unique

from .conftest import DATA

# A request's deadline, and what a busy machine may add.
IN_TIME = 5.0 + 2.0
MOST_WRITES = 5000


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.urls) as shop:
        yield shop


@asynccontextmanager
async def full_disk(server: PostgresContainer) -> AsyncIterator[None]:
    """Not a byte is left, until the block ends."""
    ballast = f"{DATA}/ballast"
    await run(server, f"dd if=/dev/zero of={ballast} bs=64k; dd if=/dev/zero of={ballast}2 bs=1k")
    try:
        yield
    finally:
        await run(server, f"rm {ballast} {ballast}2")


async def run(server: PostgresContainer, command: str) -> None:
    await asyncio.to_thread(server.exec, ["sh", "-c", command])


async def add(shop: Shop, sku: str) -> httpx.Response:
    body = {"sku": sku, "name": sku, "description": sku * 50, "price": "1.00", "currency": "EUR"}
    return await shop["product_catalogue"].post(
        "/products", json=body, headers={"Idempotency-Key": sku}
    )


def pids(fleet: Fleet) -> list[str]:
    folder = Path(fleet.environment["DATA_DIR"], "pids")
    return [(folder / f"{service.name}.pid").read_text() for service in SERVICES]


async def test_full_disk(fleet: Fleet, shop: Shop, server: PostgresContainer) -> None:
    before, acknowledged = pids(fleet), [await shop.product()]
    async with full_disk(server):
        for _ in range(MOST_WRITES):  # there is room in the pages that the tables have
            refused = await add(shop, unique("FULL"))
            if refused.status_code != 201:
                break
            acknowledged.append(refused.json()["sku"])
        assert refused.status_code == 503, refused.text
        assert refused.json()["type"] == "/problems/dependency-unavailable"
        assert refused.json()["dependency"] == "postgresql"
        assert refused.headers["retry-after"]
        for sku in acknowledged[-5:]:
            await shop.get("product_catalogue", f"/products/{sku}")
        assert (await shop["product_catalogue"].get("/livez")).status_code == 200
    await works_again(fleet, shop)
    for sku in acknowledged:
        await shop.get("product_catalogue", f"/products/{sku}")
    assert pids(fleet) == before


async def test_paused_server(fleet: Fleet, shop: Shop, server: PostgresContainer) -> None:
    before, sku = pids(fleet), await shop.product()
    server.get_wrapped_container().pause()
    try:
        started = time.monotonic()
        refused = await asyncio.gather(
            add(shop, unique("PAUSED")), shop["warehouse"].get(f"/stock/{sku}")
        )
        assert time.monotonic() - started < IN_TIME
        assert [answer.status_code for answer in refused] == [503, 503]
        ready = await shop["order"].get("/readyz")
        assert ready.json()["checks"]["postgresql"] == "does not answer"
        assert (await shop["order"].get("/livez")).status_code == 200
    finally:
        server.get_wrapped_container().unpause()
    await works_again(fleet, shop)
    assert pids(fleet) == before


async def works_again(fleet: Fleet, shop: Shop) -> None:
    """A whole purchase, and right books."""
    order = await shop.paid_order({await shop.product(): 1})
    body = {"order_id": order["order_id"]}
    job = await shop.post("fulfilment", "/fulfilments", body)
    assert job["status"] == "completed"
    audit = await asyncio.to_thread(fleet.run, "fleet.audit", "--safety-only")
    assert audit.returncode == 0, audit.stdout
