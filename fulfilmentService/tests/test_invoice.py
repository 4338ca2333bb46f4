"""A shop that ships before it is paid."""

import httpx
import pytest

from fulfilmentService.tests.support import Shop, fulfil


@pytest.fixture
def environment() -> dict[str, str]:
    return {"REQUIRE_PAYMENT": "false"}


@pytest.mark.parametrize("status", ["pending", "paid"])
async def test_order_ships_unpaid(service: httpx.AsyncClient, shop: Shop, status: str) -> None:
    order_id = shop.order(status)
    done = await fulfil(service, order_id)
    assert done.status_code == 201, done.text
    shop.check(order_id, done.json())
