"""A small shop to search in, and the shortest way to ask."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from ..app import queries

Ask = Callable[..., Awaitable[dict[str, Any]]]
Index = Callable[..., Awaitable[None]]


@pytest.fixture(params=[queries.LARGE, -2], ids=["", "large"])
def either_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as hits are few, it makes no difference how many documents count as very many."""
    monkeypatch.setattr(queries, "LARGE", request.param)


@pytest.fixture
def index(service: httpx.AsyncClient) -> Index:
    """`await index({"sku": …, "name": …}, …)` indexes documents, all of them well formed."""

    async def index_all(*documents: dict[str, Any]) -> None:
        response = await service.post("/index/bulk", json={"documents": documents})
        assert response.status_code == 200, response.text
        assert response.json() == {"indexed": len(documents), "errors": []}

    return index_all


@pytest.fixture
def ask(service: httpx.AsyncClient) -> Ask:
    """`await ask(q="candle")` is the answer to GET /search?q=candle."""

    async def search(**params: Any) -> dict[str, Any]:
        response = await service.get("/search", params=params)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return search


@pytest.fixture
async def shop(index: Index) -> None:
    await index(
        {
            "sku": "CANDLE-RED",
            "name": "Red Candles",
            "description": "Hand-made from beeswax, for quiet evenings.",
            "category": "home",
            "price": "4.50",
            "currency": "EUR",
        },
        {
            "sku": "HOLDER-1",
            "name": "Brass Holder",
            "description": "Holds one candle.",
            "category": "home",
            "price": "25.00",
            "currency": "EUR",
        },
        {
            "sku": "CAFE-250",
            "name": "Café crème",
            "category": "kitchen",
            "price": "10",
            "currency": "USD",
            "in_stock": False,
        },
        {"sku": "LAMP-9", "name": "Table lamp", "category": "Candlelight & lamps"},
        {"sku": "BOOK-7", "name": "Happiness: The Who", "price": "1500", "currency": "JPY"},
    )
