"""A shop that ships before it is paid: only where orders and fulfilment are both told so."""

import httpx
import pytest

from orderService.tests.placed import OTHER_PAYMENT, PAYMENT, Placed, place
from orderService.tests.shop import Shop, problem


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"REQUIRE_PAYMENT": getattr(request, "param", "false")}


@pytest.fixture
async def placed(service: httpx.AsyncClient, shop: Shop) -> Placed:
    return await place(service, shop)


async def test_invoice_customer_gets_the_goods_first(placed: Placed) -> None:
    assert (await placed.hold(require_payment=False)).status_code == 200
    assert (await placed.ship()).json()["status"] == "fulfilled"
    paid = await placed.pay()
    assert (paid.json()["status"], paid.json()["payment_id"]) == ("fulfilled", PAYMENT)
    assert (await placed.pay()).content == paid.content
    assert problem(await placed.pay(OTHER_PAYMENT)) == (409, "order-not-payable")
    assert (await placed.refund()).json()["status"] == "refunded"


@pytest.mark.parametrize("environment", ["true"], indirect=True)
async def test_what_fulfilment_says_is_not_enough(placed: Placed) -> None:
    assert problem(await placed.hold(require_payment=False)) == (409, "order-not-paid")
    assert (await placed.read())["fulfilment_job_id"] is None


async def test_what_orders_say_is_not_enough(placed: Placed) -> None:
    assert problem(await placed.hold(require_payment=True)) == (409, "order-not-paid")
