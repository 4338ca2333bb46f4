"""How many reservations one caller may hold open."""

import asyncio

import httpx
import pytest

from warehouseService.tests.support import put, reserve


@pytest.fixture
def environment() -> dict[str, str]:
    return {"MOST_RESERVATIONS": "2"}


async def test_open_reservations_are_counted(service: httpx.AsyncClient) -> None:
    await put(service, "CANDLE", 10)
    answers = await asyncio.gather(*(reserve(service, {"CANDLE": 1}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == "/problems/too-many-reservations"
    assert refused.json()["limit"] == 2
    assert refused.headers["retry-after"]
    # What stands is no further one, and what is given up makes room.
    stands = next(answer for answer in answers if answer.status_code == 201).json()
    mine = stands["reservation_id"]
    assert (await reserve(service, {"CANDLE": 1}, mine)).status_code == 200
    assert (await service.post(f"/reservations/{mine}/release")).status_code == 200
    assert (await reserve(service, {"CANDLE": 1})).status_code == 201


async def test_peers_are_not_limited(service: httpx.AsyncClient) -> None:
    """They hold what customers have bought."""
    await put(service, "CANDLE", 10)
    service.headers["X-Request-Timeout-Ms"] = "4000"
    answers = [await reserve(service, {"CANDLE": 1}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201] * 4
