"""A search page by page, and how much there is of it."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from chassis.lists import decode, encode

from .hits import skus

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.usefixtures("either_size")


def many() -> list[dict[str, Any]]:
    """Twenty-four documents with equal names, prices and ranks among them, and some unpriced."""
    return [
        {"sku": f"S{n:02}", "name": f"Lamp {'abc'[n % 3]}"}
        | ({"price": f"{n % 4}.00", "currency": "EUR"} if n % 5 else {})
        for n in range(24)
    ]


def by_price(sign: int) -> Callable[[dict[str, Any]], Any]:
    return lambda row: (
        "price" not in row,
        sign * float(row.get("price", 0)),
        row["sku"],
    )


@pytest.mark.parametrize("q", ["", "lamp", "lapm"])
@pytest.mark.parametrize("limit", [1, 7, 24, 200])
@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("price", by_price(1)),
        ("-price", by_price(-1)),
        ("name", lambda row: (row["name"], row["sku"])),
        ("relevance", None),
    ],
)
async def test_pages_hold_each_hit_once_in_order(
    index: Index, ask: Ask, q: str, limit: int, sort: str, key: Callable[..., Any] | None
) -> None:
    await index(*many())
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"q": q, "sort": sort, "limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await ask(**params)
        seen += skus(answer)
        assert answer["total"] == 24
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    if key is None:
        key = (lambda row: row["sku"]) if q else (lambda row: (row["name"], row["sku"]))
    assert seen == [row["sku"] for row in sorted(many(), key=key)]


async def test_long_names_in_any_script_fit_into_a_cursor(index: Index, ask: Ask) -> None:
    names = ["\U0001d538" * 200, "é" * 200, "\ufdfa" * 200, "\u00a8 \u00b4", "🕯" * 200, "蜡" * 200]
    await index(*({"sku": f"S{n}", "name": name} for n, name in enumerate(names)))
    seen: list[str] = []
    answer = await ask(sort="name", limit=1)
    seen += skus(answer)
    while cursor := answer["next_cursor"]:
        answer = await ask(sort="name", limit=1, cursor=cursor)
        seen += skus(answer)
    assert sorted(seen) == [f"S{n}" for n in range(len(names))]


@pytest.mark.parametrize(
    "other", [{"q": "other"}, {"sort": "price"}, {"category": "x"}, {"min_price": "1"}]
)
async def test_cursor_is_for_its_own_search(
    service: httpx.AsyncClient, index: Index, ask: Ask, other: dict[str, str]
) -> None:
    await index(*many())
    cursor = (await ask(q="lamp", limit=5))["next_cursor"]
    assert (await ask(q="lamp", limit=9, cursor=cursor))["items"]
    refused = await service.get("/search", params={"q": "lamp", "cursor": cursor} | other)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["parameter"]) == ("#/cursor", "cursor")


async def test_more_hits_than_anybody_reads(index: Index, ask: Ask, database_url: str) -> None:
    await index({"sku": "lamp", "name": "Something else", "category": "odd"})
    db = await asyncpg.connect(database_url)
    try:
        await db.execute(
            "INSERT INTO search.index (sku, name, category)"
            " SELECT 'S' || n, 'lamp', 'lamps' FROM generate_series(1, 1000) n"
        )
    finally:
        await db.close()
    answer = await ask(q="lamp", limit=1)
    assert (answer["total"], answer["total_is_exact"]) == (1000, False)
    assert skus(answer) == ["lamp"]
    assert skus(await ask(q="lamp", limit=1, cursor=answer["next_cursor"])) == ["S1"]
    answer = await ask(q="lamp", category="lamps")
    assert (answer["total"], answer["total_is_exact"]) == (1000, True)
    answer = await ask(q="lamp", category="odd")
    assert (answer["total"], answer["total_is_exact"]) == (1, True)


async def test_whole_words_come_first_of_however_many_that_begin_so(
    index: Index, ask: Ask, database_url: str
) -> None:
    """More than are ranked, and earlier in the table."""
    await index({"sku": "A", "name": "Hatch"})
    db = await asyncpg.connect(database_url)
    try:
        await db.execute(
            "INSERT INTO search.index (sku, name)"
            " SELECT 'A' || n, 'Hatch' FROM generate_series(1, 1500) n"
        )
    finally:
        await db.close()
    await index({"sku": "X", "name": "Straw hats"}, {"sku": "Y", "name": "Hat"})
    answer = await ask(q="hat", limit=3)
    assert skus(answer)[:2] == ["Y", "X"]
    assert [hit["name"] for hit in answer["items"]][2:] == ["Hatch"]


@pytest.mark.parametrize(("part", "place"), [(1, "cheap"), (3, "1.00"), (0, "1.00")])
async def test_forged_place_is_refused(
    service: httpx.AsyncClient, index: Index, ask: Ask, part: int, place: str
) -> None:
    """A cursor with the right fingerprint, but a place that is no price, or in no part."""
    await index(*many())
    position = decode((await ask(sort="price", limit=1))["next_cursor"], str, int, int, str, str)
    assert position is not None
    fingerprint, _, other, _, sku = position
    forged = encode(fingerprint, part, other, place, sku)
    refused = await service.get("/search", params={"sort": "price", "cursor": forged})
    assert refused.status_code == 422
