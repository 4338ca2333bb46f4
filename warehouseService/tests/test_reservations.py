"""Reservations through their contract."""

from uuid import uuid4

import asyncpg
import httpx
import pytest

from conftest import metric
from warehouseService.app.main import app
from warehouseService.tests.support import (
    audit,
    move,
    overdue,
    put,
    reserve,
    status_of,
    stock_of,
    until_stock_is,
)


async def held(service: httpx.AsyncClient, quantity: int = 4) -> str:
    """A reservation of this many of the ten candles there are."""
    await put(service, "CANDLE", 10)
    reserved = await reserve(service, {"CANDLE": quantity})
    assert reserved.status_code == 201, reserved.text
    return str(reserved.json()["reservation_id"])


async def test_reservation_holds_stock(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    await put(service, "WICK", 2)
    order_id, reservation_id = str(uuid4()), str(uuid4())
    reserved = await reserve(
        service, {"WICK": 2, "CANDLE": 4}, reservation_id, order_id=order_id, expires_in=60
    )
    assert reserved.status_code == 201
    assert reserved.headers["location"] == f"/reservations/{reservation_id}"
    body = reserved.json()
    assert (body["reservation_id"], body["order_id"]) == (reservation_id, order_id)
    assert body["status"] == "held"
    assert body["items"] == [{"sku": "CANDLE", "quantity": 4}, {"sku": "WICK", "quantity": 2}]
    assert (await service.get(reserved.headers["location"])).json() == body
    assert await stock_of(service, "CANDLE") == (10, 4, 6)
    assert await stock_of(service, "WICK") == (2, 2, 0)


async def test_quantities_of_a_sku_are_added_up(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    twice: list[dict[str, object]] = [{"sku": "CANDLE", "quantity": 6}] * 2
    refused = await reserve(service, twice)
    assert refused.status_code == 409
    assert refused.json()["shortages"] == [{"sku": "CANDLE", "requested": 12, "available": 10}]
    fits: list[dict[str, object]] = [{"sku": "CANDLE", "quantity": 5}] * 2
    assert (await reserve(service, fits)).json()["items"] == [{"sku": "CANDLE", "quantity": 10}]


async def test_all_or_nothing_is_held(service: httpx.AsyncClient, database_url: str) -> None:
    await put(service, "CANDLE", 10)
    await put(service, "WICK", 1)
    reservation_id = str(uuid4())
    refused = await reserve(service, {"WICK": 2, "CANDLE": 4, "NONE": 1}, reservation_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/insufficient-stock"
    assert refused.json()["shortages"] == [
        {"sku": "NONE", "requested": 1, "available": 0},
        {"sku": "WICK", "requested": 2, "available": 1},
    ]
    assert await stock_of(service, "CANDLE") == (10, 0, 10)
    assert (await service.get(f"/reservations/{reservation_id}")).status_code == 404
    await audit(database_url)


async def test_insufficient_stock_is_not_kept_with_its_key(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 1)
    asked = {"reservation_id": str(uuid4()), "items": [{"sku": "CANDLE", "quantity": 2}]}
    key = {"Idempotency-Key": "k1"}
    assert (await service.post("/reservations", json=asked, headers=key)).status_code == 409
    await put(service, "CANDLE", 2)
    first = await service.post("/reservations", json=asked, headers=key)
    again = await service.post("/reservations", json=asked, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content


async def test_standing_reservation_is_left_as_it_is(service: httpx.AsyncClient) -> None:
    reservation_id = await held(service)
    again = await reserve(service, {"CANDLE": 4}, reservation_id)
    assert again.status_code == 200
    assert await stock_of(service, "CANDLE") == (10, 4, 6)
    differs = await reserve(service, {"CANDLE": 5}, reservation_id)
    assert differs.status_code == 409
    assert differs.json()["type"] == "/problems/reservation-differs"
    await move(service, reservation_id, "commit")
    committed = await reserve(service, {"CANDLE": 4}, reservation_id)
    assert (committed.status_code, committed.json()["status"]) == (200, "committed")


@pytest.mark.parametrize(
    "changes",
    [
        {"reservation_id": "no-uuid"},
        {"items": []},
        {"items": [{"sku": "CANDLE", "quantity": 0}]},
        {"items": [{"sku": "CANDLE", "quantity": 1_000_000_001}]},
        {"items": [{"sku": "a b", "quantity": 1}]},
        {"items": [{"sku": f"S{index}", "quantity": 1} for index in range(2001)]},
        {"expires_in": 0},
        {"expires_in": 86_401},
        {"surprise": 1},
    ],
)
async def test_wrong_member_is_refused(
    service: httpx.AsyncClient, changes: dict[str, object]
) -> None:
    asked = {"reservation_id": str(uuid4()), "items": [{"sku": "CANDLE", "quantity": 1}]}
    refused = await service.post("/reservations", json=asked | changes)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith(f"#/{next(iter(changes))}")


async def test_committed_goods_leave(service: httpx.AsyncClient, database_url: str) -> None:
    reservation_id = await held(service)
    for _ in range(2):
        committed = await move(service, reservation_id, "commit")
        assert (committed.status_code, committed.json()["status"]) == (200, "committed")
        assert await stock_of(service, "CANDLE") == (6, 0, 6)
    await audit(database_url)


async def test_released_goods_are_free(service: httpx.AsyncClient, database_url: str) -> None:
    reservation_id = await held(service)
    for _ in range(2):
        released = await move(service, reservation_id, "release")
        assert (released.status_code, released.json()["status"]) == (200, "released")
        assert await stock_of(service, "CANDLE") == (10, 0, 10)
    await audit(database_url)


async def test_returned_goods_are_on_hand(service: httpx.AsyncClient, database_url: str) -> None:
    reservation_id = await held(service)
    await move(service, reservation_id, "commit")
    for _ in range(2):
        returned = await move(service, reservation_id, "return")
        assert (returned.status_code, returned.json()["status"]) == (200, "returned")
        assert await stock_of(service, "CANDLE") == (10, 0, 10)
    await audit(database_url)


@pytest.mark.parametrize(
    ("before", "how", "problem"),
    [
        (["commit"], "release", "reservation-committed"),
        (["commit", "return"], "release", "reservation-returned"),
        (["commit", "return"], "commit", "reservation-returned"),
        (["release"], "commit", "reservation-released"),
        (["release"], "return", "reservation-not-committed"),
        ([], "return", "reservation-not-committed"),
    ],
)
async def test_the_other_way_round_is_refused(
    service: httpx.AsyncClient, database_url: str, before: list[str], how: str, problem: str
) -> None:
    reservation_id = await held(service)
    for earlier in before:
        assert (await move(service, reservation_id, earlier)).status_code == 200
    refused = await move(service, reservation_id, how)
    assert refused.status_code == 409
    assert refused.json()["type"] == f"/problems/{problem}"
    await audit(database_url)


async def test_unknown_reservation_is_not_found(service: httpx.AsyncClient) -> None:
    unknown = str(uuid4())
    assert (await service.get(f"/reservations/{unknown}")).status_code == 404
    assert (await move(service, unknown, "commit")).status_code == 404
    assert (await move(service, unknown, "return")).status_code == 404
    assert (await service.get("/reservations/no-uuid")).status_code == 404


async def test_reserve_that_comes_after_its_release_holds_nothing(
    service: httpx.AsyncClient,
) -> None:
    await put(service, "CANDLE", 10)
    reservation_id = str(uuid4())
    for _ in range(2):
        assert (await move(service, reservation_id, "release")).status_code == 200
    late = await reserve(service, {"CANDLE": 1}, reservation_id)
    assert late.status_code == 409
    assert late.json()["type"] == "/problems/reservation-released"
    assert await stock_of(service, "CANDLE") == (10, 0, 10)


async def test_overdue_reservation_gives_its_stock_back(
    service: httpx.AsyncClient, database_url: str
) -> None:
    reservation_id = await held(service)
    kept = (await reserve(service, {"CANDLE": 1})).json()["reservation_id"]
    await overdue(database_url, reservation_id)
    assert await status_of(service, reservation_id) == "expired"
    await until_stock_is(service, "CANDLE", (10, 1, 9))
    assert await status_of(service, kept) == "held"
    for refused in (
        await move(service, reservation_id, "commit"),
        await reserve(service, {"CANDLE": 4}, reservation_id),
    ):
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/reservation-expired"
    assert (await move(service, reservation_id, "release")).status_code == 200
    assert await stock_of(service, "CANDLE") == (10, 1, 9)
    await audit(database_url)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE warehouse.movements SET delta = 1",
        "DELETE FROM warehouse.movements",
        "DELETE FROM warehouse.stock",
        "UPDATE warehouse.reservation_items SET quantity = 1",
        "TRUNCATE warehouse.movements",
    ],
)
async def test_history_cannot_be_rewritten(service: httpx.AsyncClient, statement: str) -> None:
    await held(service)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.state.context.database.execute(statement)


async def test_reservations_that_nobody_comes_for_are_seen(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    assert (await reserve(service, {"CANDLE": 1}, expires_in=30)).status_code == 201
    assert (await reserve(service, {"CANDLE": 1}, expires_in=3600)).status_code == 201
    assert await metric(service, "queue_items", queue="reservations-expiring") == 1
    assert await metric(service, "queue_items", queue="reservations-overdue") == 0
