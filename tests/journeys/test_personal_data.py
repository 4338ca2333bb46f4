"""A customer's personal data: gathered for them, erased for good, and nowhere else meanwhile; where
nobody asks for a token, and where everybody does."""

import asyncio
import json
import os
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from fleet import issuer
from fleet.audit import auditor_url
from fleet.services import SERVICES
from tests import personal
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.polling import insist, until
from tests.shop import Shop, unique

OPEN, ENFORCED = "without tokens", "with tokens"


@pytest.fixture(scope="module", params=[OPEN, ENFORCED])
def house(request: pytest.FixtureRequest, fleet: Fleet) -> Iterator[Fleet]:
    if request.param == OPEN:
        yield fleet
        return
    with data_folder() as folder, embedded_fleet(folder, AUTH_MODE="enforce") as running:
        yield running
        audit = running.run("fleet.audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr


@dataclass
class Shops:
    """The same shop, as its staff and as one customer see it. That customer has this id, where they
    bring it with them."""

    staff: Shop
    own: Shop
    subject: str


@pytest.fixture
async def shops(house: Fleet) -> AsyncIterator[Shops]:
    subject, enforced = str(uuid4()), "AUTH_MODE" in house.environment
    async with AsyncExitStack() as stack:
        staff, own = [
            await stack.enter_async_context(
                Shop(house.urls, token=token(house, *who) if enforced else None)
            )
            for who in (("staff", "sam"), ("customer", subject))
        ]
        yield Shops(staff, own, subject)


def token(house: Fleet, role: str, subject: str) -> str:
    return issuer.token(Path(house.environment["DATA_DIR"], "keys"), role, subject)


@dataclass
class Canary:
    """Somebody who has left the same word everywhere, and is easily found by it. `cancelling` is
    what they have cancelled an order with, once for each way to write its id."""

    word: str
    customer_id: str = ""
    cancelling: tuple[tuple[str, dict[str, str]], ...] = ()
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
async def canary(shops: Shops) -> Canary:
    """They have bought, been declined, paid, received, sent back, and cancelled; and each time
    tried what is refused."""
    bird = Canary(f"canary{secrets.token_hex(8)}")
    own, staff = shops.own, shops.staff
    bird.customer_id = (await own.post("customer", "/customers", bird.profile))["customer_id"]
    sku = await staff.product()
    order = await placed(own, bird, await own.cart({sku: 2}))
    assert (await own.pay(order, f"tok_{bird.word}")).json()["status"] == "declined"
    payment = (await own.pay(order)).json()
    job = await staff.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    assert job["status"] == "completed"
    moved = {"status": "delivered", "location": f"by {bird.word}", "note": f"to {bird.word}"}
    # An id in capitals names the same thing, and what is answered is kept under what was written.
    events = f"/shipments/{job['shipment_id'].upper()}/events"
    bird.shipment = await staff.post("shipping", events, moved, status=200)
    refund = {"amount": "1.00", "reason": f"{bird.word} was not happy"}
    refunds = f"/payments/{payment['payment_id'].upper()}/refunds"
    await staff.post("payment", refunds, refund)
    second = await own.order({sku: 1}, bird.customer_id)
    bird.cancelling = tuple(
        (f"/orders/{written}/cancel", {"Idempotency-Key": unique("cancel")})
        for written in (second["order_id"], second["order_id"].upper())
    )
    for answer in await cancelled(own, bird):
        assert answer.json()["history"][-1]["reason"] == f"{bird.word} moved"
    bird.order = order
    bird.problems = tuple([answer.text async for answer in refusals(shops, bird)])
    return bird


async def cancelled(own: Shop, bird: Canary) -> list[httpx.Response]:
    """What they hear who cancel their order, or repeat that."""
    return [
        await own["order"].post(path, json={"reason": f"{bird.word} moved"}, headers=key)
        for path, key in bird.cancelling
    ]


async def placed(shop: Shop, bird: Canary, cart_id: str) -> Any:
    body = {"customer_id": bird.customer_id, "cart_id": cart_id}
    answer = await shop["order"].post(
        "/orders", json=body | {"shipping_address": bird.address}, headers=bird.order_key
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def refusals(shops: Shops, bird: Canary) -> AsyncIterator[httpx.Response]:
    """What is personal, sent where it is refused: by a rule, by PostgreSQL, or half-way."""
    assert bird.order is not None
    customers, orders = shops.staff["customer"], shops.own["order"]
    payments, parcels = shops.own["payment"], shops.staff["shipping"]
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
    yield await parcels.post("/shipments", json=parcel)
    hasty = {"X-Request-Timeout-Ms": "5"}
    yield await customers.post("/customers", json=profile | {"email": "x@e.org"}, headers=hasty)


async def test_export_gathers_everything(shops: Shops, canary: Canary) -> None:
    export = await exported(shops.own, canary.customer_id)
    assert {name: export["customer"][name] for name in canary.profile} == canary.profile
    first, second = export["orders"]
    assert first["shipping_address"] == canary.address
    assert second["history"][-1]["reason"] == f"{canary.word} moved"
    assert export["shipments"] == [canary.shipment]
    declined, captured = export["payments"]
    assert (declined["status"], captured["method"]["last4"]) == ("declined", "4242")
    assert captured["refunds"][0]["reason"] == f"{canary.word} was not happy"
    # And so again: nothing of the first time is kept.
    assert await exported(shops.own, canary.customer_id) == export


async def test_export_of_hardly_anything(shops: Shops) -> None:
    nobody = "/customers/0190b6a8-7a63-7000-8000-000000000000/export"
    assert (await shops.staff["customer"].get(nobody)).status_code == 404
    alone = await exported(shops.own, await shops.own.customer())
    assert (alone["orders"], alone["shipments"], alone["payments"]) == ([], [], [])


async def exported(shop: Shop, customer_id: str) -> Any:
    answer = await insist(lambda: shop["customer"].get(f"/customers/{customer_id}/export"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_erasing_reaches_every_schema(house: Fleet, shops: Shops, canary: Canary) -> None:
    auditor = await asyncpg.connect(auditor_url({**os.environ, **house.environment}))
    own, staff = shops.own, shops.staff
    assert canary.order is not None
    try:
        assert await columns_with(auditor, canary)
        assert (await own["customer"].delete(f"/customers/{canary.customer_id}")).is_success
        await until_gone(auditor, canary)
    finally:
        await auditor.close()
    # The order is what it was, but for whom; and its key still makes no second one.
    left = await staff.get("order", f"/orders/{canary.order['order_id']}")
    assert (left["shipping_address"], left["total"]) == (None, canary.order["total"])
    assert (await placed(own, canary, canary.order["cart_id"]))["order_id"] == left["order_id"]
    payments = await staff.get("payment", f"/payments?order_id={left['order_id']}")
    assert {payment["method"]["last4"] for payment in payments["items"]} == {None}
    # So do the keys that they have cancelled with, without the address and the reason.
    for answer in await cancelled(own, canary):
        assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (200, "true")
        assert (answer.json()["shipping_address"], answer.json()["history"][-1]["reason"]) == (
            None,
            None,
        )
    gone = await own["customer"].get(f"/customers/{canary.customer_id}/export")
    assert gone.status_code == 404


# What the shop cannot be made to keep a word in: a card's token goes as the payment is decided, its
# last digits are the sandbox's (and looked at above), a claim goes as the parcel is there, and an
# export's parts go as it is read.
WORDLESS = {
    "payment.payments.token",
    "payment.payments.last4",
    "shipping.claims.address",
    "customer.export_parts.held",
}


async def test_what_is_marked_as_personal_is_what_is(
    house: Fleet, shops: Shops, canary: Canary
) -> None:
    """A word of theirs is in each column that is marked so, and in no other; and all that is
    personal is in their export."""
    marks = personal.everywhere()
    auditor = await asyncpg.connect(auditor_url({**os.environ, **house.environment}))
    try:
        assert await texts_without_a_mark(auditor, marks) == set()
        assert set(await columns_with(auditor, canary)) == marks.erased - WORDLESS
        kept = {
            column: await words_in(auditor, column, canary) for column in marks.personal - WORDLESS
        }
    finally:
        await auditor.close()
    export = json.dumps(await exported(shops.own, canary.customer_id))
    missing = {
        column: word for column, words in kept.items() for word in words if word not in export
    }
    assert missing == {}


async def texts_without_a_mark(db: asyncpg.Connection, marks: personal.Marks) -> set[str]:
    """As PostgreSQL knows them: however their tables were made. What the chassis keeps in each
    schema has no customer in it: who of the staff did what, and turns."""
    found = await db.fetch(COLUMNS)
    marked = marks.erased | marks.not_personal
    return {
        row["name"]
        for row in found
        if row["kind"] in TEXTS and row["name"] not in marked and "_audit_log." not in row["name"]
    }


COLUMNS = """
SELECT format('%s.%s.%s', relnamespace::regnamespace, relname, attname) AS name,
       format('%I.%I', relnamespace::regnamespace::text, relname) AS table,
       quote_ident(attname) AS column, format_type(atttypid, NULL) AS kind
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
 WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
   AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'fleet')
 ORDER BY 1
"""
TEXTS = {"text", "text[]", "character varying", "json", "jsonb", "bytea", "date", "inet"}


async def until_gone(db: asyncpg.Connection, canary: Canary) -> None:
    await until(lambda: columns_with(db, canary), lambda columns: not columns, seconds=15)


async def columns_with(db: asyncpg.Connection, canary: Canary) -> list[str]:
    """The columns, of all tables of all schemas, in which something of theirs is."""
    return [row["name"] for row in await db.fetch(COLUMNS) if await holds(db, row, canary)]


async def holds(db: asyncpg.Connection, column: asyncpg.Record, canary: Canary) -> bool:
    found = f"SELECT true FROM {column['table']} WHERE {as_text(column)} ~* $1 LIMIT 1"  # noqa: S608  # its own names
    return bool(await db.fetchval(found, canary.marks.pattern))


def as_text(column: asyncpg.Record) -> str:
    # What is stored of an answer is UTF-8; a fingerprint is not, and nothing to be read.
    name = column["column"]
    return f"encode({name}, 'escape')" if column["kind"] == "bytea" else f"{name}::text"


async def words_in(db: asyncpg.Connection, name: str, canary: Canary) -> set[str]:
    """Whatever they have written there: each text, or each within the JSON."""
    (column,) = [row for row in await db.fetch(COLUMNS) if row["name"] == name]
    rows = await db.fetch(
        f"SELECT {as_text(column)} AS held FROM {column['table']}"  # noqa: S608  # its own names
        f" WHERE {as_text(column)} ~* $1",
        canary.marks.pattern,
    )
    if column["kind"] != "jsonb":
        return {row["held"] for row in rows}
    return {text for row in rows for text in json.loads(row["held"]).values() if text}


async def test_nothing_of_it_is_anywhere_else(house: Fleet, shops: Shops, canary: Canary) -> None:
    """Not in a log, PostgreSQL's own neither, nor in a metric, nor in a problem document."""
    await shops.own["customer"].delete(f"/customers/{canary.customer_id}")
    told = {f"problem {number}": text for number, text in enumerate(canary.problems)}
    assert len(told) == 13
    assert all('"type":"/problems/' in text for text in told.values())
    for service in SERVICES:
        told[f"metrics of {service.name}"] = (await shops.own[service.name].get("/metrics")).text
    told |= await asyncio.to_thread(logs, house)
    assert [where for where, text in told.items() if canary.marks.search(text)] == []


def logs(fleet: Fleet) -> dict[str, str]:
    if "COMPOSE_PROJECT_NAME" not in fleet.environment:
        folder = Path(fleet.environment["DATA_DIR"], "logs")
        files = {path.name: path.read_text() for path in folder.glob("*.log")}
        assert files.keys() >= {"postgres.log", *(f"{each.name}.log" for each in SERVICES)}
        return files
    said = subprocess.run(
        ["/usr/bin/env", "docker", "compose", "logs", "--no-color"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {"containers": said.stdout}
