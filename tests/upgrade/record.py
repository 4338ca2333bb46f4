"""Keeps today's schemas, with rows of real purchases, for later versions to be tried on:
`python -m tests.upgrade.record 0.1.0`, once, when a version is released.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from fleet import restore
from fleet.services import ROOT, SERVICES
from fleet.settings import Settings
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.shop import Shop

HERE = Path(__file__).parent
PLAIN = ("--data-only", "--inserts", "--rows-per-insert=50", "--no-comments")


async def live(fleet: Fleet) -> None:
    """A day in the shop: whatever may become of an order becomes of some, and some are cut off."""
    async with Shop(fleet.urls) as shop:
        tea, silk = await shop.product(price="6.90"), await shop.product(price="249.00", stock=1)
        customer = await shop.customer()
        fulfilled = await shop.paid_order({tea: 2, silk: 1})
        await ledger(shop, fulfilled)
        job = await fulfil(shop, fulfilled["order_id"])
        parcel = f"/shipments/{job['shipment_id']}/events"
        await shop.post("shipping", parcel, {"status": "dispatched"}, status=200)
        await refund(shop, fulfilled["payment_id"], "2.00")
        for card in ("tok_timeout", "tok_error"):
            await shop.pay(await shop.order({tea: 1}, customer), card)
        await shop.pay(await shop.order({tea: 3}, customer), "tok_declined")
        await refund(shop, (await shop.paid_order({tea: 1}))["payment_id"], None)
        cancelled = await shop.paid_order({tea: 1})
        await shop.post("order", f"/orders/{cancelled['order_id']}/cancel", {}, status=200)
        sold_out = await shop.paid_order({silk: 1})
        await fulfil(shop, sold_out["order_id"], status=409)
        await rest(shop, tea)
        await cut_off(fleet, shop, tea)


async def ledger(shop: Shop, order: dict[str, Any]) -> None:
    charge = {key: order[key] for key in ("order_id", "currency")} | {"amount": order["total"]}
    await shop.post("transaction", "/transactions", charge)
    await shop.post("transaction", "/transactions", charge | {"amount": "2.00", "kind": "refund"})


async def fulfil(shop: Shop, order_id: str, status: int = 201) -> Any:
    return await shop.post("fulfilment", "/fulfilments", {"order_id": order_id}, status=status)


async def refund(shop: Shop, payment_id: str, amount: str | None) -> None:
    body = {"amount": amount} if amount else {}
    await shop.post("payment", f"/payments/{payment_id}/refunds", body)


async def rest(shop: Shop, sku: str) -> None:
    """What has no order: carts, a customer who is erased, a product withdrawn, one searched for."""
    await shop.cart({sku: 1})
    (await shop["cart"].delete(f"/carts/{await shop.cart({sku: 1})}")).raise_for_status()
    (await shop["customer"].delete(f"/customers/{await shop.customer()}")).raise_for_status()
    gone = await shop.product()
    (await shop["product_catalogue"].delete(f"/products/{gone}")).raise_for_status()
    document = {"sku": sku, "name": "Green tea", "price": "6.90", "currency": "EUR"}
    await shop.post("search", "/index/bulk", {"documents": [document]}, status=200)
    held = {"reservation_id": "0198b1c0-0000-7000-8000-000000000001"}
    items = [{"sku": sku, "quantity": 5}]
    await shop.post("warehouse", "/reservations", {**held, "items": items, "expires_in": 86400})


async def cut_off(fleet: Fleet, shop: Shop, sku: str) -> None:
    """A payment whose outcome is not known, and a job that waits for a service which sleeps."""
    placed, paid = await shop.order({sku: 1}), await shop.paid_order({sku: 2})
    os.kill(fleet.pid("shipping"), signal.SIGSTOP)
    waiting = [fulfil(shop, paid["order_id"]), shop.pay(placed, "tok_timeout")]
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(1):
            await asyncio.gather(*waiting)
    assert fleet.supervisor is not None
    for service in SERVICES:
        os.kill(fleet.pid(service.name), signal.SIGKILL)
    fleet.supervisor.send_signal(signal.SIGTERM)


def record(version: str) -> None:
    kept = HERE / version
    for service in SERVICES:
        (kept / service.folder / "db").mkdir(parents=True, exist_ok=True)
        schema = Path(service.folder, "db", "schema.sql")
        shutil.copy(ROOT / schema, kept / schema)
    with data_folder() as folder:
        with embedded_fleet(folder) as fleet:
            asyncio.run(live(fleet))
        with restore.stopped(Settings(data_dir=folder)) as server:
            program = server.program("pg_dump", *PLAIN, "--exclude-schema=fleet")
            environment = program.complete_environment()
            said = subprocess.run(program.words, env=environment, check=True, capture_output=True)
    inserts = said.stdout.decode().split("\n")
    lines = (line for line in inserts if line.strip() and not line.startswith(("--", "\\")))
    (kept / "rows.sql").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    record(*sys.argv[1:])
