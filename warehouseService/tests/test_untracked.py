"""What is not counted is never short: services, downloads, what is made to order."""

import asyncio

import httpx
import pytest

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


async def untrack(service: httpx.AsyncClient, sku: str) -> None:
    told = await service.put(f"/stock/{sku}", json={"tracked": False})
    assert (told.status_code, told.json()["tracked"]) == (200, False)


async def held(service: httpx.AsyncClient, **items: int) -> str:
    reserved = await reserve(service, items)
    assert reserved.status_code == 201, reserved.text
    return str(reserved.json()["reservation_id"])


async def movements_of(service: httpx.AsyncClient, sku: str) -> list[tuple[int, str]]:
    items = (await service.get(f"/stock/{sku}/movements")).json()["items"]
    return [(item["delta"], item["reason"]) for item in items]


async def test_there_is_always_enough(service: httpx.AsyncClient, database_url: str) -> None:
    refused = await reserve(service, {"DOWNLOAD": 1})
    assert refused.json()["type"] == "/problems/insufficient-stock"
    await untrack(service, "DOWNLOAD")
    before = (await service.get("/stock/DOWNLOAD")).json()
    for how, status in (("commit", "committed"), ("release", "released")):
        reservation_id = await held(service, DOWNLOAD=1_000_000)
        assert (await move(service, reservation_id, how)).status_code == 200
        assert await status_of(service, reservation_id) == status
    assert (await service.get("/stock/DOWNLOAD")).json() == before
    assert await movements_of(service, "DOWNLOAD") == []
    await untrack(service, "DOWNLOAD")
    assert (await service.get("/stock/DOWNLOAD")).json() == before
    await audit(database_url)


async def test_with_other_goods_only_those_count(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "CANDLE", 3)
    await untrack(service, "ENGRAVING")
    refused = await reserve(service, {"CANDLE": 4, "ENGRAVING": 4})
    shortages = refused.json()["shortages"]
    assert shortages == [{"sku": "CANDLE", "requested": 4, "available": 3}]
    reservation_id = await held(service, CANDLE=2, ENGRAVING=2)
    assert await stock_of(service, "CANDLE") == (3, 2, 1)
    await audit(database_url)
    await move(service, reservation_id, "commit")
    assert await stock_of(service, "CANDLE") == (1, 0, 1)
    await audit(database_url)
    await move(service, reservation_id, "return")
    assert await stock_of(service, "CANDLE") == (3, 0, 3)
    assert await stock_of(service, "ENGRAVING") == (0, 0, 0)
    await audit(database_url)


@pytest.mark.parametrize("how", ["commit", "release", "expire"])
@pytest.mark.parametrize("counted", [True, False], ids=["counted-first", "untracked-first"])
async def test_open_reservation_ends_as_it_began(
    service: httpx.AsyncClient, database_url: str, how: str, counted: bool
) -> None:
    """What was taken of the stock comes back or leaves, and nothing else, however the SKU is
    treated by then."""
    await put(service, "CANDLE", 10)
    if not counted:
        await untrack(service, "CANDLE")
    reservation_id = await held(service, CANDLE=4)
    await (untrack(service, "CANDLE") if counted else put(service, "CANDLE", 10))
    assert await stock_of(service, "CANDLE") == ((10, 4, 6) if counted else (10, 0, 10))
    if how == "expire":
        await overdue(database_url, reservation_id)
    else:
        assert (await move(service, reservation_id, how)).status_code == 200
    left = 4 if counted and how == "commit" else 0
    await until_stock_is(service, "CANDLE", (10 - left, 0, 10 - left))
    await audit(database_url)


async def test_counted_anew_it_is_tracked(service: httpx.AsyncClient, database_url: str) -> None:
    await put(service, "CANDLE", 10)
    await untrack(service, "CANDLE")
    assert await stock_of(service, "CANDLE") == (10, 0, 10)
    refused = await service.post("/stock/CANDLE/adjustments", json={"delta": 1, "reason": "found"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/stock-not-tracked")
    counted = await put(service, "CANDLE", 4)
    assert (counted.json()["tracked"], counted.json()["on_hand"]) == (True, 4)
    assert (await reserve(service, {"CANDLE": 5})).status_code == 409
    assert await movements_of(service, "CANDLE") == [(-6, "counted"), (10, "counted")]
    await untrack(service, "CANDLE")
    bulk = {"stock": [{"sku": "CANDLE", "quantity": 7}]}
    assert (await service.post("/stock/bulk", json=bulk)).json()["counted"] == 1
    assert (await service.get("/stock/CANDLE")).json()["tracked"] is True
    # As it was read, so it is taken.
    as_read = await service.put("/stock/CANDLE", json={"quantity": 5, "tracked": True})
    assert (as_read.status_code, as_read.json()["on_hand"]) == (200, 5)
    await audit(database_url)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"quantity": 5, "tracked": False},
        {"tracked": True},
        {"tracked": 0},
        {"tracked": "false"},
    ],
)
async def test_either_a_number_or_none(service: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await service.put("/stock/CANDLE", json=body)).status_code == 422
    assert (await service.get("/stock/CANDLE")).status_code == 404


async def test_switching_under_reservations_keeps_the_books(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await put(service, "CANDLE", 50)

    async def reserve_and_end(how: str) -> None:
        await move(service, await held(service, CANDLE=1), how)

    async def switch(number: int) -> None:
        if number % 2:
            await untrack(service, "CANDLE")
        else:
            assert (await put(service, "CANDLE", 50)).status_code == 200

    await asyncio.gather(
        *(reserve_and_end("commit" if number % 2 else "release") for number in range(20)),
        *(switch(number) for number in range(10)),
    )
    await audit(database_url)
    assert (await service.get("/stock/CANDLE")).json()["reserved"] == 0


async def test_stock_of_several_is_told_in_the_order_asked(service: httpx.AsyncClient) -> None:
    for sku in ("CANDLE", "LAMP", "WICK"):
        await put(service, sku, 5)
    await untrack(service, "LAMP")
    query = "&".join(f"sku={sku}" for sku in ("WICK", "NONE", "LAMP", "CANDLE", "WICK"))
    page = (await service.get(f"/stock?{query}")).json()
    expected = [(await service.get(f"/stock/{sku}")).json() for sku in ("WICK", "LAMP", "CANDLE")]
    assert page == {"items": expected, "next_cursor": None}
    unknown = await service.get("/stock?sku=NONE")
    assert (unknown.status_code, unknown.json()["items"]) == (200, [])


@pytest.mark.parametrize("query", ["", "sku=..", "sku=a%20b", "&".join(["sku=X"] * 201)])
async def test_wrong_list_of_stock_is_refused(service: httpx.AsyncClient, query: str) -> None:
    assert (await service.get(f"/stock?{query}")).status_code == 422
