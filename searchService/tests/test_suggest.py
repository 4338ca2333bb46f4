"""SuggestionList through their contract."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Index = Callable[..., Awaitable[None]]


async def suggestions(service: httpx.AsyncClient, **params: Any) -> list[str]:
    response = await service.get("/suggest", params=params)
    assert response.status_code == 200, response.text
    found: list[str] = response.json()["suggestions"]
    return found


@pytest.fixture
async def names(index: Index) -> None:
    names = ["Candle holder", "Red candle", "Red candle", "Candy", "Table lamp", "Crème brûlée"]
    await index(
        {"sku": "DECOY", "name": "Decoy", "description": "candle", "category": "candle"},
        *({"sku": f"S{number}", "name": name} for number, name in enumerate(names)),
    )


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("can", ["Candy", "Candle holder", "Red candle"]),
        ("CANDLE", ["Candle holder", "Red candle"]),
        ("red c", ["Red candle"]),
        ("lam", ["Table lamp"]),
        ("brul", ["Crème brûlée"]),
        ("candel", ["Candy", "Candle holder", "Red candle"]),
        ("lapm", ["Table lamp"]),
        ("zzz", []),
        ("", []),
        ("%", []),
    ],
)
async def test_names_by_prefix_of_any_word_then_similar(
    service: httpx.AsyncClient, q: str, found: list[str]
) -> None:
    answer = await suggestions(service, q=q)
    assert sorted(answer) == sorted(found)
    assert answer[:1] == found[:1]


async def test_prefix_comes_before_similarity(service: httpx.AsyncClient, index: Index) -> None:
    await index({"sku": "A", "name": "Candle"}, {"sku": "B", "name": "Brass candelabra"})
    assert await suggestions(service, q="candel") == ["Brass candelabra", "Candle"]


@pytest.mark.usefixtures("names")
async def test_limit(service: httpx.AsyncClient) -> None:
    assert len(await suggestions(service, q="can", limit=2)) == 2
    for query in ("limit=0", "limit=51", "q=%00", "q=" + "x" * 201):
        assert (await service.get(f"/suggest?{query}")).status_code == 422
