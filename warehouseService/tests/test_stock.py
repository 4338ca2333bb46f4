"""Stock through its contract."""

import httpx
import pytest

from warehouseService.tests.support import audit, move, put, reserve, stock_of


async def adjust(service: httpx.AsyncClient, sku: str, delta: int, reason: str) -> httpx.Response:
    return await service.post(f"/stock/{sku}/adjustments", json={"delta": delta, "reason": reason})


async def test_counted_stock_is_found(service: httpx.AsyncClient) -> None:
    counted = await put(service, "CANDLE", 10)
    assert counted.status_code == 200
    found = await service.get("/stock/CANDLE")
    assert found.json() == counted.json()
    assert found.json()["updated_at"].endswith("Z")
    assert found.json() | {"updated_at": ""} == {
        "sku": "CANDLE",
        "on_hand": 10,
        "reserved": 0,
        "available": 10,
        "tracked": True,
        "updated_at": "",
    }


async def test_unknown_sku_is_not_found(service: httpx.AsyncClient) -> None:
    for answer in (
        await service.get("/stock/NONE"),
        await service.get("/stock/has%20space"),
        await service.get("/stock/NONE/movements"),
        await adjust(service, "NONE", 1, "found"),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/not-found"
    assert (await service.get("/stock/NONE")).status_code == 404


@pytest.mark.parametrize("quantity", [-1, 1_000_000_001, 1.5, "1", True, None, 2**70])
async def test_quantity_that_is_none_is_refused(
    service: httpx.AsyncClient, quantity: object
) -> None:
    refused = await service.put("/stock/CANDLE", json={"quantity": quantity})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/quantity"
    assert (await service.get("/stock/CANDLE")).status_code == 404


async def test_most_and_least_are_taken(service: httpx.AsyncClient) -> None:
    assert (await put(service, "CANDLE", 1_000_000_000)).json()["on_hand"] == 1_000_000_000
    assert (await adjust(service, "CANDLE", 1, "one more")).status_code == 409
    assert (await put(service, "CANDLE", 0)).json()["available"] == 0


async def test_count_below_what_is_reserved_is_refused(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "CANDLE", 10)
    await reserve(service, {"CANDLE": 4})
    refused = await put(service, "CANDLE", 3)
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "/problems/below-reserved"
    assert (problem["on_hand"], problem["reserved"]) == (10, 4)
    assert (await put(service, "CANDLE", 4)).json()["available"] == 0
    await audit(database_url)


async def test_adjustment_changes_what_is_on_hand(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    adjusted = await adjust(service, "CANDLE", -3, "broken")
    assert adjusted.status_code == 200
    assert adjusted.json()["on_hand"] == 7
    assert (await adjust(service, "CANDLE", 5, "found")).json()["on_hand"] == 12


async def test_adjustment_below_what_is_reserved_is_refused(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    await reserve(service, {"CANDLE": 4})
    refused = await adjust(service, "CANDLE", -7, "lost")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/below-reserved"
    assert await stock_of(service, "CANDLE") == (10, 4, 6)


@pytest.mark.parametrize(
    "body",
    [
        {"delta": 0, "reason": "nothing"},
        {"delta": 1},
        {"delta": 1, "reason": " "},
        {"delta": 1, "reason": "x" * 201},
        {"delta": 10**10, "reason": "much"},
        {"delta": 1, "reason": "found", "surprise": 1},
    ],
)
async def test_adjustment_that_is_none_is_refused(
    service: httpx.AsyncClient, body: dict[str, object]
) -> None:
    await put(service, "CANDLE", 10)
    assert (await service.post("/stock/CANDLE/adjustments", json=body)).status_code == 422
    assert await stock_of(service, "CANDLE") == (10, 0, 10)


async def test_repeated_adjustment_is_made_once(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    body, key = {"delta": -1, "reason": "broken"}, {"Idempotency-Key": "k1"}
    first = await service.post("/stock/CANDLE/adjustments", json=body, headers=key)
    again = await service.post("/stock/CANDLE/adjustments", json=body, headers=key)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert await stock_of(service, "CANDLE") == (9, 0, 9)


async def test_every_change_is_a_movement(service: httpx.AsyncClient, database_url: str) -> None:
    await put(service, "CANDLE", 10)
    await put(service, "CANDLE", 10)
    await adjust(service, "CANDLE", -2, "broken")
    reservation_id = (await reserve(service, {"CANDLE": 3})).json()["reservation_id"]
    await move(service, reservation_id, "commit")
    await move(service, reservation_id, "return")
    seen, query = [], "limit=2"
    while query:
        page = (await service.get(f"/stock/CANDLE/movements?{query}")).json()
        seen += [(item["delta"], item["reason"], item["reference"]) for item in page["items"]]
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"
    assert seen == [
        (3, "returned", reservation_id),
        (-3, "shipped", reservation_id),
        (-2, "broken", None),
        (10, "counted", None),
    ]
    await audit(database_url)


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WyJhIl0", "limit=0", "limit=201"])
async def test_wrong_paging_is_refused(service: httpx.AsyncClient, query: str) -> None:
    await put(service, "CANDLE", 1)
    assert (await service.get(f"/stock/CANDLE/movements?{query}")).status_code == 422


async def test_bulk_takes_good_rows_and_reports_bad_ones(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "OLD", 1)
    await put(service, "PROMISED", 5)
    await reserve(service, {"PROMISED": 5})
    rows = [
        {"sku": "NEW", "quantity": 3},
        {"sku": "OLD", "quantity": 2},
        {"sku": "PROMISED", "quantity": 4},
        {"sku": "BAD", "quantity": -1},
        {"sku": "NEW", "quantity": 9},
        "no object",
    ]
    result = await service.post("/stock/bulk", json={"stock": rows})
    assert result.status_code == 200, result.text
    assert result.json()["counted"] == 2
    errors = result.json()["errors"]
    assert [(error["index"], error["sku"]) for error in errors] == [
        (2, "PROMISED"),
        (3, "BAD"),
        (4, "NEW"),
        (5, None),
    ]
    assert await stock_of(service, "NEW") == (3, 0, 3)
    assert await stock_of(service, "OLD") == (2, 0, 2)
    assert await stock_of(service, "PROMISED") == (5, 5, 0)
    await audit(database_url)


async def test_bulk_is_bounded(service: httpx.AsyncClient) -> None:
    for number in (0, 1001):
        rows = [{"sku": f"S{index}", "quantity": 1} for index in range(number)]
        assert (await service.post("/stock/bulk", json={"stock": rows})).status_code == 422
    rows = [{"sku": f"S{index}", "quantity": 1} for index in range(1000)]
    counted = await service.post("/stock/bulk", json={"stock": rows})
    assert counted.json() == {"counted": 1000, "errors": []}
