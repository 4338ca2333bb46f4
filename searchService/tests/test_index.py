"""The index through its contract: what goes in, and out again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

JSON = {"content-type": "application/json"}
CANDLE = {
    "name": "Red candle",
    "description": "Burns long.",
    "category": "home",
    "price": "4.5",
    "currency": "EUR",
    "attributes": {"wax": "bee"},
    "in_stock": False,
}

Ask = Callable[..., Awaitable[dict[str, Any]]]


async def put(service: httpx.AsyncClient, path: str, **changes: object) -> httpx.Response:
    return await service.put(f"/index/{path}", json=CANDLE | changes)


async def test_document_is_indexed(service: httpx.AsyncClient) -> None:
    indexed = await put(service, "A-1")
    assert indexed.status_code == 200
    body = indexed.json()
    assert body.pop("updated_at").endswith("Z")
    assert body == {**CANDLE, "sku": "A-1", "price": "4.50"}


async def test_only_the_name_is_needed(service: httpx.AsyncClient) -> None:
    indexed = await service.put("/index/A", json={"name": "A"})
    assert indexed.status_code == 200
    assert indexed.json() | {"updated_at": ""} == {
        "sku": "A",
        "name": "A",
        "description": None,
        "category": None,
        "price": None,
        "currency": None,
        "attributes": {},
        "in_stock": True,
        "updated_at": "",
    }


async def test_indexing_anew_replaces(service: httpx.AsyncClient, ask: Ask) -> None:
    await put(service, "A")
    assert (await put(service, "A", sku="A", name="Green lantern")).status_code == 200
    assert (await ask(q="lantern"))["total"] == 1
    assert (await ask(q="candle"))["total"] == 0
    assert (await ask())["total"] == 1


async def test_removed_document_is_not_found(service: httpx.AsyncClient, ask: Ask) -> None:
    await put(service, "A")
    for _ in range(2):
        assert (await service.delete("/index/A")).status_code == 204
    assert (await ask(q="candle"))["items"] == []
    assert (await service.delete("/index/not a sku")).status_code == 404


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [
        ("19.9", "EUR", "19.90"),
        ("500", "JPY", "500"),
        ("1.234", "KWD", "1.234"),
        ("0.0001", "CLF", "0.0001"),
        ("9999999999.99", "EUR", "9999999999.99"),
        (0, "EUR", "0.00"),
    ],
)
async def test_price_is_shown_exactly(
    service: httpx.AsyncClient, ask: Ask, price: object, currency: str, shown: str
) -> None:
    indexed = await put(service, "A", price=price, currency=currency)
    assert indexed.json()["price"] == shown
    assert (await ask())["items"][0]["price"] == shown


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"price": None}, "#/price"),
        ({"currency": None}, "#/currency"),
        ({"price": "1.999"}, "#/price"),
        ({"price": "NaN"}, "#/price"),
        ({"price": "-1"}, "#/price"),
        ({"currency": "XXX"}, "#/currency"),
        ({"name": None}, "#/name"),
        ({"name": " "}, "#/name"),
        ({"name": "\u0000"}, "#/name"),
        ({"description": "x" * 10_001}, "#/description"),
        ({"in_stock": "yes"}, "#/in_stock"),
        ({"sku": "B"}, "#/sku"),
        ({"surprise": 1}, "#/surprise"),
    ],
)
async def test_wrong_member_is_named(
    service: httpx.AsyncClient, ask: Ask, changes: dict[str, object], pointer: str
) -> None:
    refused = await put(service, "A", **changes)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await ask())["total"] == 0


async def test_bulk_takes_good_rows_and_reports_bad_ones(
    service: httpx.AsyncClient, ask: Ask
) -> None:
    await put(service, "OLD")
    rows = [
        {"sku": "NEW", "name": "New"},
        {"sku": "OLD", "name": "Newer"},
        {"sku": "BAD", "name": "Bad", "price": "1.00"},
        {"sku": "NEW", "name": "twice"},
        "no object",
        {"sku": "\ud800", "name": "A"},
    ]
    result = await service.post(
        "/index/bulk", content=json.dumps({"documents": rows}).encode(), headers=JSON
    )
    assert result.status_code == 200, result.text
    assert result.json()["indexed"] == 2
    errors = result.json()["errors"]
    assert [(error["index"], error["sku"]) for error in errors] == [
        (2, "BAD"),
        (3, "NEW"),
        (4, None),
        (5, None),
    ]
    assert errors[0]["detail"] == "A price needs its currency."
    assert [hit["name"] for hit in (await ask())["items"]] == ["New", "Newer"]


@pytest.mark.parametrize("documents", [[], [{"sku": "A", "name": "A"}] * 1001, {}, None])
async def test_bulk_of_the_wrong_size_is_refused(
    service: httpx.AsyncClient, documents: object
) -> None:
    refused = await service.post("/index/bulk", json={"documents": documents})
    assert refused.status_code == 422


async def test_bulk_takes_a_thousand(service: httpx.AsyncClient, ask: Ask) -> None:
    text = "word " * 400
    rows = [{"sku": f"S{n}", "name": f"Thing {n}", "description": text} for n in range(1000)]
    result = await service.post("/index/bulk", json={"documents": rows})
    assert result.status_code == 200, result.text
    assert result.json() == {"indexed": 1000, "errors": []}
    assert (await ask(q="thing"))["total"] == 1000


async def test_bulk_is_answered_once_a_key(service: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"documents": [{"sku": "A", "name": "A"}]}
    first = await service.post("/index/bulk", json=body, headers=key)
    again = await service.post("/index/bulk", json=body, headers=key)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_same_documents_indexed_at_once(service: httpx.AsyncClient, ask: Ask) -> None:
    """In opposite orders, and with the same new words: nobody waits in a circle."""
    rows = [{"sku": f"S{n}", "name": f"quaint{'abcdefghij'[n % 10]} lamp"} for n in range(60)]
    answers = await asyncio.gather(
        *(
            service.post("/index/bulk", json={"documents": rows[:: 1 if n % 2 else -1]})
            for n in range(6)
        )
    )
    assert [answer.json() for answer in answers] == [{"indexed": 60, "errors": []}] * 6
    assert (await ask(q="lamp"))["total"] == 60


async def test_schema_may_be_applied_again(
    service: httpx.AsyncClient, ask: Ask, database_url: str, folder: Path
) -> None:
    """By its owner, in a session that has not loaded the extensions yet."""
    await put(service, "A")
    db = await asyncpg.connect(database_url)
    try:
        await db.execute("SET ROLE search_owner; SET client_min_messages = warning")
        await db.execute((folder / "db" / "schema.sql").read_text())
    finally:
        await db.close()
    assert (await ask(q="candel"))["total"] == 1
