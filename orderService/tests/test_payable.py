"""What payments and the ledger are told of orders: enough, and nothing of where they go."""

from uuid import uuid4

import httpx

from orderService.tests.placed import OTHER_PAYMENT, PAYMENT, place
from orderService.tests.shop import Shop, problem

MEMBERS = {"order_id", "customer_id", "status", "total", "currency", "payment_id"}


async def test_payable_order_tells_no_address(service: httpx.AsyncClient, shop: Shop) -> None:
    placed = await place(service, shop)
    whole = await placed.read()
    told = (await service.get(f"{placed.path}/payable")).json()
    assert told == {member: whole[member] for member in MEMBERS}
    assert (told["status"], told["total"], told["payment_id"]) == ("pending", "19.99", None)
    paid = await placed.pay()
    assert paid.json() == (await service.get(f"{placed.path}/payable")).json()
    assert paid.json() == told | {"status": "paid", "payment_id": PAYMENT}
    assert (await placed.refund()).json() == paid.json() | {"status": "refunded"}


async def test_what_is_not_there_is_not_payable(service: httpx.AsyncClient, shop: Shop) -> None:
    assert problem(await service.get(f"/orders/{uuid4()}/payable")) == (404, "not-found")
    shop.down = {"checkout"}
    cart = shop.cart(LAMP=1)
    body = {"customer_id": shop.customer, "cart_id": cart}
    assert (await service.post("/orders", json=body)).status_code == 503
    draft = shop.closing[0]
    assert problem(await service.get(f"/orders/{draft}/payable")) == (404, "not-found")


async def test_payments_of_cancelled_orders_come_in_pages(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    unpaid, paid, first, second = [await place(service, shop) for _ in range(4)]
    await unpaid.cancel()
    await paid.pay(str(uuid4()))
    for placed, payment in ((first, PAYMENT), (second, OTHER_PAYMENT)):
        await placed.pay(payment)
        traced = {"traceparent": f"00-{'b' * 32}-{'c' * 16}-01"}
        assert (await service.post(f"{placed.path}/cancel", headers=traced)).status_code == 200
    page = (await service.get("/cancelled-payments?limit=1")).json()
    order_id = second.path.removeprefix("/orders/")
    trace = page["items"][0].pop("traceparent")
    assert trace.startswith(f"00-{'b' * 32}-")
    assert page["items"] == [{"order_id": order_id, "payment_id": OTHER_PAYMENT}]
    page = (await service.get(f"/cancelled-payments?cursor={page['next_cursor']}")).json()
    assert [item["payment_id"] for item in page["items"]] == [PAYMENT]
    assert page["next_cursor"] is None
