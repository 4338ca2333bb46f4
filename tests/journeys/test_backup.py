"""A backup is of one moment while people buy, and a fleet goes on from it on an empty server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.shop import Shop


@asynccontextmanager
async def purchases(shop: Shop, sku: str) -> AsyncIterator[None]:
    """People who buy without a pause, for as long as the block lasts."""

    async def buy() -> None:
        while True:
            order = await shop.paid_order({sku: 1})
            await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})

    buyers = [asyncio.create_task(buy()) for _ in range(2)]
    yield
    for buyer in buyers:
        buyer.cancel()
        with suppress(asyncio.CancelledError):
            await buyer


async def test_a_purchase_goes_on_from_a_backup(fleet: Fleet, shop: Shop, tmp_path: Path) -> None:
    bought = await shop.paid_order({await shop.product(): 2})
    file = tmp_path / "shop.dump"
    async with purchases(shop, await shop.product(stock=1000)):
        made = await asyncio.to_thread(fleet.run, "fleet.backup", str(file))
    assert made.returncode == 0, made.stderr
    with data_folder() as folder:
        restored = Fleet(0, {"DATA_DIR": str(folder)}).run("fleet.restore", str(file))
        assert restored.returncode == 0, restored.stderr
        with embedded_fleet(folder) as again:
            async with Shop(again.urls) as other:
                order = f"/orders/{bought['order_id']}"
                assert await other.get("order", order) == bought
                await other.post("fulfilment", "/fulfilments", {"order_id": bought["order_id"]})
                assert (await other.get("order", order))["status"] == "fulfilled"
            audit = again.run("fleet.audit")
            assert audit.returncode == 0, audit.stdout


async def test_a_restore_does_not_bring_the_erased_back(tmp_path: Path) -> None:
    """Here, and in the services that hold something of them."""
    file = tmp_path / "shop.dump"
    with data_folder() as folder, embedded_fleet(folder) as fleet:
        async with Shop(fleet.urls) as shop:
            order = await shop.paid_order({await shop.product(): 1})
            assert order["shipping_address"]
            made = await asyncio.to_thread(fleet.run, "fleet.backup", str(file))
            assert made.returncode == 0, made.stderr
            customer = f"/customers/{order['customer_id']}"
            assert (await shop["customer"].delete(customer)).status_code == 204
            kept = await asyncio.to_thread(fleet.run, "fleet.erased", str(tmp_path / "erased.txt"))
            assert kept.returncode == 0, kept.stderr
    with data_folder() as folder:
        restored = Fleet(0, {"DATA_DIR": str(folder)}).run("fleet.restore", str(file))
        assert restored.returncode == 0, restored.stderr
        assert "1 were erased" in restored.stdout
        with embedded_fleet(folder) as again:
            async with Shop(again.urls) as other:
                path = f"/orders/{order['order_id']}"
                await other.until("order", path, shipping_address=None)
                assert (await other["customer"].get(customer)).status_code == 404
