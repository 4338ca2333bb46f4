"""Refunds through their contract."""

import asyncio

import httpx
import pytest

from paymentService.tests.support import Books, Shop, pay, until_order, until_payment
from tests.polling import insist, until

# Whatever a test does, the books agree after it.
pytestmark = pytest.mark.usefixtures("books")


async def paid(service: httpx.AsyncClient, order_id: str) -> str:
    """The path of the refunds of a new payment."""
    payment = await pay(service, order_id)
    return f"/payments/{payment.json()['payment_id']}/refunds"


async def test_refund_in_parts_refunds_the_payment_and_the_order(
    service: httpx.AsyncClient,
    shop: Shop,
) -> None:
    order_id = shop.place()
    path = await paid(service, order_id)
    part = await service.post(path, json={"amount": "5", "reason": "one chipped"})
    assert part.status_code == 201, part.text
    refund = part.json()
    assert part.headers["location"] == f"{path}/{refund['refund_id']}"
    assert refund | {"refund_id": "", "created_at": ""} == {
        "refund_id": "",
        "payment_id": path.split("/")[2],
        "amount": "5.00",
        "currency": "EUR",
        "status": "succeeded",
        "reason": "one chipped",
        "created_at": "",
        "trace_id": part.headers["traceparent"][3:35],
    }
    assert (await service.get(part.headers["location"])).json() == refund
    payment = (await service.get(path.removesuffix("/refunds"))).json()
    assert (payment["status"], payment["refunded"]) == ("captured", "5.00")
    assert shop.status(order_id) == "paid"

    rest = await service.post(path)
    assert rest.json()["amount"] == "15.00"
    payment = (await service.get(path.removesuffix("/refunds"))).json()
    assert (payment["status"], payment["refunded"]) == ("refunded", "20.00")
    assert shop.status(order_id) == "refunded"
    listed = (await service.get(path)).json()["items"]
    assert [refund["amount"] for refund in listed] == ["15.00", "5.00"]


@pytest.mark.parametrize("body", ["6.90", "1.5", "1e3", "7", "true", '"6.90"', "[]", "[6.90]"])
async def test_refund_of_a_bare_value_is_refused(
    service: httpx.AsyncClient,
    shop: Shop,
    body: str,
) -> None:
    """It is not taken for an empty object, which asks for all of the money back."""
    path = await paid(service, shop.place())
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    refused = await service.post(path, content=body, headers=headers)
    assert refused.status_code == 422, refused.text
    payment = (await service.get(path.removesuffix("/refunds"))).json()
    assert (payment["status"], payment["refunded"]) == ("captured", "0.00")


async def test_refund_never_exceeds_the_payment(
    service: httpx.AsyncClient,
    shop: Shop,
) -> None:
    path = await paid(service, shop.place())
    await service.post(path, json={"amount": "12.00"})
    refused = await service.post(path, json={"amount": "8.01"}, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "/problems/refund-exceeds-payment"
    assert (problem["refundable"], problem["currency"]) == ("8.00", "EUR")
    again = await service.post(path, json={"amount": "8.01"}, headers={"Idempotency-Key": "k"})
    assert again.content == refused.content
    await service.post(path, json={})
    refused = await service.post(path, json={})
    assert (refused.status_code, refused.json()["refundable"]) == (409, "0.00")


@pytest.mark.parametrize("amount", ["0", "0.001", "-1", "NaN", "10000000000"])
async def test_amount_that_is_none_is_refused(
    service: httpx.AsyncClient, shop: Shop, amount: str
) -> None:
    path = await paid(service, shop.place())
    refused = await service.post(path, json={"amount": amount})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/amount"
    assert (await service.get(path)).json()["items"] == []


async def test_only_what_was_captured_is_refunded(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    declined = await pay(service, shop.place(), "tok_declined")
    path = f"/payments/{declined.json()['payment_id']}/refunds"
    refused = await service.post(path, json={"amount": "1.00"})
    assert refused.json()["type"] == "/problems/refund-exceeds-payment"
    assert await books.fetch("SELECT FROM payment.refunds") == []


async def test_refund_of_a_payment_under_way_is_refused_for_now(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id, key = shop.place(), {"Idempotency-Key": "k"}
    payment_id = await books.payment(order_id, "processing", token="tok_ok")
    path = f"/payments/{payment_id}/refunds"
    assert (await service.post(path, json={}, headers=key)).status_code == 409
    await until_payment(service, payment_id, "captured")
    assert (await service.post(path, json={}, headers=key)).status_code == 201


async def test_refunds_at_once_never_exceed(
    service: httpx.AsyncClient,
    shop: Shop,
) -> None:
    order_id = shop.place()
    path = await paid(service, order_id)
    answers = await asyncio.gather(
        *(service.post(path, json={"amount": "4.00"}) for _ in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    payment = (await service.get(path.removesuffix("/refunds"))).json()
    assert (payment["status"], payment["refunded"]) == ("refunded", "20.00")
    await until_order(shop, order_id, "refunded")


async def test_same_key_at_once_refunds_once(
    service: httpx.AsyncClient,
    shop: Shop,
) -> None:
    path = await paid(service, shop.place())

    async def refund() -> httpx.Response:
        return await service.post(path, json={"amount": "3"}, headers={"Idempotency-Key": "k"})

    answers = await asyncio.gather(*(insist(refund) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await service.get(path)).json()["items"]) == 1


async def test_refund_that_was_cut_off_is_finished(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    payment_id = await books.captured(order_id, refunded_minor=2000)
    await books.fetch(
        "INSERT INTO payment.refunds (payment_id, amount_minor, currency)"
        " VALUES ($1, 500, 'EUR'), ($1, 1500, 'EUR')",
        payment_id,
    )
    await until_payment(service, payment_id, "refunded")
    await until_order(shop, order_id, "refunded")


async def test_order_that_is_being_fulfilled_is_told_again_later(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    path = await paid(service, order_id)
    shop.being_fulfilled = True
    assert (await service.post(path, json={})).status_code == 201
    assert shop.status(order_id) == "paid"
    shop.being_fulfilled = False
    await until_order(shop, order_id, "refunded")

    async def settled() -> bool:
        return await books.fetch("SELECT FROM payment.payments WHERE NOT settled") == []

    await until(settled)
