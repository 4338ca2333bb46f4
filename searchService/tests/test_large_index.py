"""What is asked of a part of the index, once there are very many documents."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import asyncpg
import pytest

from ..app import queries
from .hits import skus

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]

LAMPS = 400


@pytest.fixture(autouse=True)
async def large(monkeypatch: pytest.MonkeyPatch, index: Index, database_url: str) -> None:
    """Few enough for a test count as very many, and a handful of hits as some."""
    db = await asyncpg.connect(database_url)
    try:  # so that it is known which documents each part has
        await db.execute("ALTER TABLE search.index ALTER COLUMN number RESTART WITH 1")
    finally:
        await db.close()
    monkeypatch.setattr(queries, "LARGE", -2)
    monkeypatch.setattr(queries, "FEW", 3)
    # As many vases and more, so that not every other document is a lamp.
    goods = [each for number in range(LAMPS) for each in (lamp(number), *vases(number))]
    for start in range(0, len(goods), 1000):
        await index(*goods[start : start + 1000])


def lamp(number: int) -> dict[str, Any]:
    category, price = ("Oak & ash", "Brass")[number % 2], f"{number}.00"
    sku = f"{number:03}-lamp"
    return {"sku": sku, "name": "Lamp", "category": category, "price": price, "currency": "EUR"}


def vases(number: int) -> list[dict[str, Any]]:
    return [{"sku": f"{number:03}-vase-{place}", "name": "Vase"} for place in range(2)]


def lamps(numbers: Iterable[int] = range(LAMPS)) -> list[str]:
    return [lamp(number)["sku"] for number in numbers]


async def pages(ask: Ask, **params: Any) -> AsyncIterator[list[str]]:
    """The SKUs of each page."""
    more: dict[str, str] = {}
    while True:
        answer = await ask(**params, **more)
        yield skus(answer)
        if answer["next_cursor"] is None:
            return
        more = {"cursor": answer["next_cursor"]}


async def everything(ask: Ask, **params: Any) -> list[str]:
    return [sku async for page in pages(ask, **params) for sku in page]


@pytest.mark.parametrize("filters", [{}, {"category": "Oak & ash"}, {"max_price": "99"}])
async def test_common_word_finds_some_of_its_documents(ask: Ask, filters: dict[str, str]) -> None:
    answer = await ask(q="lamp", **filters)
    assert queries.FEW <= answer["total"] < LAMPS / 2
    assert not answer["total_is_exact"]
    found = await everything(ask, q="lamp", limit=2, **filters)
    assert len(found) == answer["total"] == len(set(found))
    assert set(found) < set(lamps())
    if "category" in filters:
        assert set(found) < set(lamps(range(0, LAMPS, 2)))
    if "max_price" in filters:
        assert set(found) < set(lamps(range(100)))


async def test_facets_count_what_is_found(ask: Ask) -> None:
    answer = await ask(q="lamp")
    for facet in answer["facets"].values():
        assert sum(each["count"] for each in facet) == answer["total"]


@pytest.mark.parametrize(
    "params",
    [
        {"q": "lamp", "min_price": "305", "max_price": "308"},
        {"q": "lamp", "min_price": "305", "max_price": "308", "sort": "price"},
    ],
)
async def test_what_few_have_is_found_in_full(ask: Ask, params: dict[str, str]) -> None:
    answer = await ask(**params)
    assert skus(answer) == lamps(range(305, 309))
    assert (answer["total"], answer["total_is_exact"]) == (4, True)


async def test_what_every_other_document_has_is_found_in_full(ask: Ask) -> None:
    answer = await ask(q="vase")
    assert (answer["total"], answer["total_is_exact"]) == (2 * LAMPS, True)


async def test_list_by_price_is_complete(ask: Ask) -> None:
    assert await everything(ask, q="lamp", sort="price", limit=200) == lamps()


async def test_sku_that_was_asked_for_is_found_in_any_case(index: Index, ask: Ask) -> None:
    await index({"sku": "lamp", "name": "Something else"})
    assert (await ask(q="lamp", limit=1))["items"][0]["sku"] == "lamp"
    answer = await ask(q="123-lamp", limit=1)
    assert skus(answer) == ["123-lamp"]


async def test_whole_word_is_found_among_all_that_begin_so(index: Index, ask: Ask) -> None:
    """Wherever it is, and `vas` begins what is everywhere."""
    await index({"sku": "one", "name": "Vas deferens"})
    answer = await ask(q="vas", limit=1)
    assert skus(answer) == ["one"]
    for sort in ("name", "relevance"):
        assert "one" in await everything(ask, q="vas", sort=sort, limit=200)


async def test_unspaced_words_and_units_are_found_in_full(index: Index, ask: Ask) -> None:
    await index(
        {"sku": "tea", "name": "有机绿茶100克"},
        {"sku": "clamp", "name": "Lamp clamp 10mm"},
        {"sku": "85123A", "name": "Lamp heart"},
    )
    for q, sku in (("绿茶", "tea"), ("lamp 10 mm", "clamp"), ("lamp 85123", "85123A")):
        answer = await ask(q=q)
        assert (skus(answer), answer["total_is_exact"]) == ([sku], True), q


async def test_pages_are_of_one_part_whatever_becomes_of_the_index(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await everything(ask, q="lamp")
    found: list[str] = []
    async for page in pages(ask, q="lamp", limit=2):
        found += page
        monkeypatch.setattr(queries, "FEW", LAMPS)  # from now on, all of it would be asked
    assert found == whole
