"""Start order does not matter: ten services come up with nothing there, and PostgreSQL last."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fleet.services import SERVICES, urls
from tests.fleets import data_folder, embedded_fleet
from tests.polling import until
from tests.shop import Shop

from .scattered import WANTED

# What each can tell by itself.
READS = {
    "product_catalogue": "/products",
    "cart": "/carts/018f0000-0000-7000-8000-000000000000",
    "order": "/orders",
    "transaction": "/transactions",
    "customer": "/customers",
    "payment": "/payments",
    "search": "/search?q=tea",
    "shipping": "/shipments",
    "warehouse": "/stock/TEA",
    "fulfilment": "/fulfilments",
}


@pytest.fixture
def home() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


async def test_postgres_comes_last(home: Path, port_base: int) -> None:
    fleet = embedded_fleet(home, base=port_base, module="tests.faults.outages.scattered")
    # It does not come up before it is told to: that is what this is about.
    coming_up = asyncio.create_task(asyncio.to_thread(fleet.__enter__))
    try:
        async with Shop(urls(port_base)) as shop:
            await asyncio.gather(*(waits(shop, each.name) for each in SERVICES))
            before = pids(home)
            (home / WANTED).touch()
            running = await coming_up
            assert pids(home) == before
            order = await shop.paid_order({await shop.product(): 1})
            assert order["status"] == "paid"
        audit = await asyncio.to_thread(running.run, "fleet.audit")
        assert audit.returncode == 0, audit.stdout
    finally:
        (home / WANTED).touch()
        await coming_up
        await asyncio.to_thread(fleet.__exit__, None, None, None)


async def waits(shop: Shop, service: str) -> None:
    """Alive, not ready, and says why."""
    await until(lambda: lives(shop, service), seconds=30)
    ready, read = await asyncio.gather(
        shop[service].get("/readyz"), shop[service].get(READS[service])
    )
    assert ready.status_code == read.status_code == 503, f"{ready.text} {read.text}"
    assert ready.json()["checks"]["postgresql"] == "does not answer"
    assert read.json()["dependency"] == "postgresql"


async def lives(shop: Shop, service: str) -> bool:
    try:
        return (await shop[service].get("/livez")).status_code == 200
    except httpx.TransportError:
        return False


def pids(folder: Path) -> dict[str, str]:
    return {each.name: (folder / "pids" / f"{each.name}.pid").read_text() for each in SERVICES}
