"""What the business counts, and what it sees lying about."""

import httpx

from conftest import metric
from paymentService.tests.support import Books, Shop, pay, until_payment


async def counted(service: httpx.AsyncClient) -> tuple[float, ...]:
    return (
        await metric(service, "payments_total", outcome="captured"),
        await metric(service, "payments_total", outcome="declined"),
        await metric(service, "captured_minor_total", currency="EUR"),
        await metric(service, "refunds_total"),
        await metric(service, "refunded_minor_total", currency="EUR"),
    )


async def test_each_effect_is_counted_once(service: httpx.AsyncClient, shop: Shop) -> None:
    before = await counted(service)
    order_id = shop.place()
    await pay(service, order_id, "tok_declined")
    paid = await pay(service, order_id, key="pay")
    await pay(service, order_id, key="pay")
    await pay(service, order_id)
    where = f"/payments/{paid.json()['payment_id']}/refunds"
    for _ in range(2):
        again = {"Idempotency-Key": "refund"}
        await service.post(where, json={"amount": "5.00"}, headers=again)
    after = await counted(service)
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 2000, 1, 500]


async def test_what_a_sweep_decides_is_counted(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    before = await counted(service)
    order_id = shop.place()
    payment_id = await books.payment(order_id, "processing", token="tok_ok")
    await until_payment(service, payment_id, "captured")
    assert (await counted(service))[0] == before[0] + 1


async def test_refusals_are_counted_by_their_type(service: httpx.AsyncClient, shop: Shop) -> None:
    before = await metric(service, "problems_total", type="amount-mismatch")
    await pay(service, shop.place(total="21.00"))
    assert await metric(service, "problems_total", type="amount-mismatch") == before + 1


async def test_open_payments_are_seen_with_their_age(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    waits = "now() + interval '1 hour'"
    payment_id = await books.payment(shop.place(), "unknown", token="tok_ok", attempts=1)
    await books.payment(shop.place(), "processing", token="tok_ok")
    await books.fetch(
        f"UPDATE payment.payments SET next_attempt_at = {waits}, attempts = 24, status = 'unknown',"  # noqa: S608  # ours
        " created_at = now() - interval '90 seconds' WHERE payment_id = $1",
        payment_id,
    )
    assert await metric(service, "queue_items", queue="payments-unknown") == 1
    assert await metric(service, "queue_items", queue="payments-parked") == 1
    age = await metric(service, "queue_oldest_age_seconds", queue="payments-unknown")
    assert 90 <= age < 100
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now()")
    await until_payment(service, payment_id, "captured")
