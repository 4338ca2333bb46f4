"""SKUs as people type them."""

# ruff: noqa: RUF001  # letters that look like others are what this is about

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from .hits import skus

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]


pytestmark = pytest.mark.usefixtures("either_size")


@pytest.fixture
async def goods(index: Index) -> None:
    await index(
        {"sku": "85123A", "name": "White hanging heart"},
        {"sku": "85123B", "name": "Red hanging heart"},
        {"sku": "85999", "name": "Lantern"},
        {"sku": "CANDLE-RED.2", "name": "Taper"},
        {"sku": "abc-1", "name": "Small one"},
        {"sku": "ABC-1", "name": "Large one"},
        {"sku": "ABC-10", "name": "Huge one"},
        {"sku": "-", "name": "Nothing but a dash"},
    )


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("85123A", ["85123A"]),
        ("85123a", ["85123A"]),
        ("８５１２３ａ", ["85123A"]),
        ('"85123A"', ["85123A"]),
        ("“85123a”", ["85123A"]),
        ("85123", ["85123A", "85123B"]),
        ("8512", ["85123A", "85123B"]),
        ("85123A heart", ["85123A"]),
        ("heart 85123a", ["85123A"]),
        ("85123 heart", ["85123A", "85123B"]),
        ("85123 red", ["85123B"]),
        ("85123A lantern", []),
        ("candle-red.2", ["CANDLE-RED.2"]),
        ("candlered2", ["CANDLE-RED.2"]),
        ("candle red 2", ["CANDLE-RED.2"]),
        ("candle-r", ["CANDLE-RED.2"]),
        ("CANDLE-RED", ["CANDLE-RED.2"]),
        ("candle-red.2 taper", ["CANDLE-RED.2"]),
        ("taper candle-red", ["CANDLE-RED.2"]),
        ("ABC-1", ["ABC-1", "abc-1", "ABC-10"]),
        ("abc-1", ["abc-1", "ABC-1", "ABC-10"]),
        ("aBc1", ["ABC-1", "abc-1", "ABC-10"]),
        ("abc-10", ["ABC-10"]),
        ("-", ["-"]),
        ("123A", []),
    ],
)
async def test_sku_is_found(ask: Ask, q: str, found: list[str]) -> None:
    answer = await ask(q=q)
    assert skus(answer) == found
    assert answer["total"] == len(found)


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize("sort", ["price", "-price", "name"])
async def test_sku_is_found_in_any_order(ask: Ask, sort: str) -> None:
    assert skus(await ask(q="85123a", sort=sort)) == ["85123A"]
    assert sorted(skus(await ask(q="85123", sort=sort))) == ["85123A", "85123B"]


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize(
    "sku", ["X", "a.b_c-d", "0", "007", "4006381333931", "Red_Shoes-42.5", "z" * 64, "...", "1e5"]
)
async def test_any_sku_is_found_by_itself(
    index: Index, ask: Ask, sku: str, case: Callable[[str], str]
) -> None:
    await index({"sku": sku, "name": "This"}, {"sku": "other", "name": "That"})
    assert skus(await ask(q=case(sku))) == [sku]
    if bare := sku.translate(str.maketrans("", "", "._-")):
        assert skus(await ask(q=bare)) == [sku]


async def test_sku_ranks_above_words(index: Index, ask: Ask) -> None:
    await index(
        {"sku": "LAMP-2", "name": "lamp"},
        {"sku": "Lamp", "name": "Something else"},
        {"sku": "lamp", "name": "Something else again"},
    )
    answer = await ask(q="lamp")
    assert skus(answer) == ["lamp", "Lamp", "LAMP-2"]
    first, second, third = (hit["score"] for hit in answer["items"])
    assert 1 == first > second > third


async def test_beginning_that_many_skus_have(index: Index, ask: Ask) -> None:
    await index(*({"sku": f"T-{n:04}", "name": f"Thing {n}"} for n in range(40)))
    assert (await ask(q="t-00"))["total"] == 40
    assert skus(await ask(q="t-0007")) == ["T-0007"]


async def test_sku_is_suggested_by_its_name(service: httpx.AsyncClient, index: Index) -> None:
    await index({"sku": "85123A", "name": "White heart"})
    answer = await service.get("/suggest", params={"q": "8512"})
    assert answer.json() == {"suggestions": ["White heart"]}
