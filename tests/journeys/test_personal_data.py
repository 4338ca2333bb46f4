"""A customer's personal data: gathered for them, erased for good, and nowhere else meanwhile."""

import asyncio
import os
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from fleet.audit import auditor_url
from fleet.services import SERVICES
from tests.fleets import Fleet
from tests.polling import insist, until
from tests.shop import Shop


@dataclass
class Canary:
    """Somebody who has left the same word everywhere, and is easily found by it."""

    word: str
    customer_id: str = ""
    order: Mapping[str, Any] | None = None
    shipment: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = ()

    @property
    def profile(self) -> dict[str, Any]:
        digits = str(int(self.word.removeprefix("canary"), 16))
        return {
            "email": f"{self.word}@example.org",
            "name": f"Ada {self.word}",
            "phone": f"+44 {digits}",
            "address": self.address,
        }

    @property
    def address(self) -> dict[str, str]:
        where = dict.fromkeys(("line1", "line2", "city", "region"), f"at {self.word}")
        return {**where, "postal_code": self.word[-8:], "country": "GB"}

    @property
    def order_key(self) -> dict[str, str]:
        return {"Idempotency-Key": f"key-{self.customer_id}"}

    @property
    def marks(self) -> re.Pattern[str]:
        return re.compile(
            f"{self.word}|{self.word[-8:]}|{self.profile['phone'][4:]}", re.IGNORECASE
        )


@pytest.fixture
async def canary(shop: Shop) -> Canary:
    """They have bought, been declined, paid, received, sent back, and cancelled; and each time
    tried what is refused."""
    bird = Canary(f"canary{secrets.token_hex(8)}")
    bird.customer_id = (await shop.post("customer", "/customers", bird.profile))["customer_id"]
    sku = await shop.product()
    order = await placed(shop, bird, await shop.cart({sku: 2}))
    assert (await shop.pay(order, f"tok_{bird.word}")).json()["status"] == "declined"
    payment = (await shop.pay(order)).json()
    job = await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    assert job["status"] == "completed"
    moved = {"status": "delivered", "location": f"by {bird.word}", "note": f"to {bird.word}"}
    events = f"/shipments/{job['shipment_id']}/events"
    bird.shipment = await shop.post("shipping", events, moved, status=200)
    refund = {"amount": "1.00", "reason": f"{bird.word} was not happy"}
    await shop.post("payment", f"/payments/{payment['payment_id']}/refunds", refund)
    second = await shop.order({sku: 1}, bird.customer_id)
    cancel = f"/orders/{second['order_id']}/cancel"
    await shop.post("order", cancel, {"reason": f"{bird.word} moved"}, status=200)
    bird.order = order
    bird.problems = tuple([answer.text async for answer in refusals(shop, bird)])
    return bird


async def placed(shop: Shop, bird: Canary, cart_id: str) -> Any:
    body = {"customer_id": bird.customer_id, "cart_id": cart_id}
    answer = await shop["order"].post(
        "/orders", json=body | {"shipping_address": bird.address}, headers=bird.order_key
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def refusals(shop: Shop, bird: Canary) -> AsyncIterator[httpx.Response]:
    """What is personal, sent where it is refused: by a rule, by PostgreSQL, or half-way."""
    assert bird.order is not None
    customers, orders, payments = shop["customer"], shop["order"], shop["payment"]
    profile, order_id = bird.profile, bird.order["order_id"]
    yield await customers.post("/customers", json=profile)  # the address is taken
    yield await customers.post("/customers", json=profile | {"phone": bird.word})
    yield await customers.post("/customers", json=profile | {"surprise": bird.word})
    yield await customers.post("/customers", content=f'{{"email": "{bird.word}')
    yield await customers.get("/customers", params={"limit": bird.word})
    yield await customers.patch(f"/customers/{bird.customer_id}", json={"email": bird.word})
    body = {"customer_id": bird.customer_id, "cart_id": bird.order["cart_id"]}
    for address in (bird.address, bird.address | {"country": bird.word}):
        yield await orders.post("/orders", json=body | {"shipping_address": address})
    yield await orders.post(f"/orders/{order_id}/cancel", json={"reason": bird.word})
    money = {"order_id": order_id, "amount": bird.order["total"], "currency": "EUR"}
    for token in (f"tok_{bird.word}", f"4929 {bird.word}"):
        method = {"type": "card", "token": token}
        yield await payments.post("/payments", json=money | {"method": method})
    parcel = {"order_id": order_id, "carrier": bird.word * 9, "address": bird.address}
    yield await shop["shipping"].post("/shipments", json=parcel)
    hasty = {"X-Request-Timeout-Ms": "5"}
    yield await customers.post("/customers", json=profile | {"email": "x@e.org"}, headers=hasty)


async def test_export_gathers_everything(shop: Shop, canary: Canary) -> None:
    export = await exported(shop, canary.customer_id)
    assert {name: export["customer"][name] for name in canary.profile} == canary.profile
    first, second = export["orders"]
    assert first["shipping_address"] == canary.address
    assert second["history"][-1]["reason"] == f"{canary.word} moved"
    assert export["shipments"] == [canary.shipment]
    declined, captured = export["payments"]
    assert (declined["status"], captured["method"]["last4"]) == ("declined", "4242")
    assert captured["refunds"][0]["reason"] == f"{canary.word} was not happy"
    # And so again: nothing of the first time is kept.
    assert await exported(shop, canary.customer_id) == export


async def test_export_of_hardly_anything(shop: Shop) -> None:
    nobody = "/customers/0190b6a8-7a63-7000-8000-000000000000/export"
    assert (await shop["customer"].get(nobody)).status_code == 404
    alone = await exported(shop, await shop.customer())
    assert (alone["orders"], alone["shipments"], alone["payments"]) == ([], [], [])


async def exported(shop: Shop, customer_id: str) -> Any:
    answer = await insist(lambda: shop["customer"].get(f"/customers/{customer_id}/export"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_erasing_reaches_every_schema(fleet: Fleet, shop: Shop, canary: Canary) -> None:
    auditor = await asyncpg.connect(auditor_url({**os.environ, **fleet.environment}))
    assert canary.order is not None
    try:
        assert len(await tables_with(auditor, canary)) >= 8
        assert (await shop["customer"].delete(f"/customers/{canary.customer_id}")).is_success
        await until_gone(auditor, canary)
    finally:
        await auditor.close()
    # The order is what it was, but for whom; and its key still makes no second one.
    left = await shop.get("order", f"/orders/{canary.order['order_id']}")
    assert (left["shipping_address"], left["total"]) == (None, canary.order["total"])
    assert (await placed(shop, canary, canary.order["cart_id"]))["order_id"] == left["order_id"]
    payments = await shop.get("payment", f"/payments?order_id={left['order_id']}")
    assert {payment["method"]["last4"] for payment in payments["items"]} == {None}
    gone = await shop["customer"].get(f"/customers/{canary.customer_id}/export")
    assert gone.status_code == 404


async def until_gone(db: asyncpg.Connection, canary: Canary) -> None:
    await until(lambda: tables_with(db, canary), lambda tables: not tables, seconds=15)


async def tables_with(db: asyncpg.Connection, canary: Canary) -> list[str]:
    """The tables, of all schemas, in which something of theirs is."""
    names = await db.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
    )
    return [row["name"] for row in names if await holds(db, row["name"], canary)]


async def holds(db: asyncpg.Connection, table: str, canary: Canary) -> bool:
    columns = await db.fetch(
        "SELECT attname, atttypid = 'bytea'::regtype AS bytes FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
        table,
    )
    for column in columns:
        name = f'"{column["attname"]}"'
        # What is stored of an answer is UTF-8; a fingerprint is not, and nothing to be read.
        text = f"encode({name}, 'escape')" if column["bytes"] else f"{name}::text"
        found = f"SELECT true FROM {table} WHERE {text} ~* $1 LIMIT 1"  # noqa: S608  # its own names
        if await db.fetchval(found, canary.marks.pattern):
            return True
    return False


async def test_nothing_of_it_is_anywhere_else(fleet: Fleet, shop: Shop, canary: Canary) -> None:
    """Not in a log, PostgreSQL's own neither, nor in a metric, nor in a problem document."""
    await shop["customer"].delete(f"/customers/{canary.customer_id}")
    told = {f"problem {number}": text for number, text in enumerate(canary.problems)}
    assert len(told) == 13
    assert all('"type":"/problems/' in text for text in told.values())
    for service in SERVICES:
        told[f"metrics of {service.name}"] = (await shop[service.name].get("/metrics")).text
    told |= await asyncio.to_thread(logs, fleet)
    assert [where for where, text in told.items() if canary.marks.search(text)] == []


def logs(fleet: Fleet) -> dict[str, str]:
    if folder := fleet.environment.get("DATA_DIR"):
        files = {path.name: path.read_text() for path in Path(folder, "logs").glob("*.log")}
        assert files.keys() >= {"postgres.log", *(f"{each.name}.log" for each in SERVICES)}
        return files
    said = subprocess.run(
        ["/usr/bin/env", "docker", "compose", "logs", "--no-color"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {"containers": said.stdout}
