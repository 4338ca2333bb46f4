"""Whatever is cut off, wherever: it ends, it ends once, and both sets of books agree."""

import asyncio
from functools import partial
from uuid import UUID, uuid4

import httpx
import pytest

from chassis import logs
from paymentService.app import payments
from paymentService.app.adapters import ADAPTERS
from paymentService.app.main import app
from paymentService.app.provider import Outcome
from paymentService.app.sandbox import Sandbox
from paymentService.tests.support import (
    Books,
    DistantSandbox,
    Line,
    Shop,
    pay,
    until_order,
    until_payment,
)
from tests.polling import until

TABLES = ("payments", "refunds", "sandbox_charges", "sandbox_refunds", "payment_idempotency_keys")

# Whatever a test does, the books agree after it.
pytestmark = pytest.mark.usefixtures("service", "books")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def environment(line: Line, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setitem(ADAPTERS, "distant", partial(DistantSandbox, line=line))
    return {"PAYMENT_PROVIDER": "distant", "PROVIDER_TIMEOUT": "0.3", "LOG_FORMAT": "json"}


async def until_settled(books: Books) -> None:
    async def settled() -> bool:
        query = (
            "SELECT FROM payment.payments WHERE NOT settled"
            " UNION ALL SELECT FROM payment.refunds WHERE status = 'processing'"
        )
        return await books.fetch(query) == []

    await until(settled)


async def test_killed_before_the_provider_was_asked(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    payment_id = await books.payment(order_id, "processing", token="tok_ok")
    await until_payment(service, payment_id, "captured")
    await until_order(shop, order_id, "paid")
    assert await books.captures() == 1


async def test_killed_after_the_provider_had_captured(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    # The token would be declined now, had the provider not decided already.
    payment_id = await books.payment(order_id, "processing", token="tok_declined", attempts=1)
    await books.provider_captured(payment_id)
    await until_payment(service, payment_id, "captured")
    await until_order(shop, order_id, "paid")
    assert await books.captures() == 1


async def test_killed_before_the_order_was_told(shop: Shop, books: Books) -> None:
    order_id = shop.place()
    payment_id = await books.captured(order_id)
    await until_order(shop, order_id, "paid")
    assert shop.orders[order_id]["payment_id"] == str(payment_id)
    await until_settled(books)


async def test_killed_between_the_refund_and_the_order(shop: Shop, books: Books) -> None:
    order_id = shop.place()
    payment_id = await books.captured(order_id, refunded_minor=2000)
    await books.fetch(
        "INSERT INTO payment.refunds (payment_id, amount_minor, currency) VALUES ($1, 2000, 'EUR')",
        payment_id,
    )
    await until_order(shop, order_id, "refunded")
    assert shop.told == ["payment", "refund"]


async def test_request_that_was_cut_off_goes_on_under_its_key(
    service: httpx.AsyncClient, shop: Shop, books: Books, line: Line
) -> None:
    order_id = shop.place()
    line.cut = True
    cut_off = {"X-Request-Timeout-Ms": "300"}
    first = await pay(service, order_id, key="k", headers=cut_off)
    assert first.json()["type"] == "/problems/deadline-exceeded"
    (left,) = await books.fetch("SELECT payment_id, status FROM payment.payments")
    assert left["status"] == "processing"
    second = await pay(service, order_id, key="k")
    assert second.json()["type"] == "/problems/idempotency-in-progress"
    line.cut = False

    async def answered() -> bool:
        return (await pay(service, order_id, key="k")).status_code == 201

    await until(answered)
    answer = await pay(service, order_id, key="k")
    assert answer.json()["payment_id"] == str(left["payment_id"])
    assert await books.captures() == 1


async def test_refund_that_was_cut_off_goes_on_under_its_key(
    service: httpx.AsyncClient, shop: Shop, line: Line
) -> None:
    order_id, key = shop.place(), {"Idempotency-Key": "k"}
    path = f"/payments/{(await pay(service, order_id)).json()['payment_id']}/refunds"
    line.cut = True
    first = await service.post(path, json={}, headers=key)
    assert (first.status_code, first.headers["retry-after"]) == (503, "1")
    assert first.json()["type"] == "/problems/payment-outcome-unknown"
    line.cut = False

    async def answered() -> bool:
        return (await service.post(path, json={}, headers=key)).status_code == 201

    await until(answered)
    again = (await service.post(path, json={}, headers=key)).json()
    assert (again["refund_id"], again["status"]) == (first.json()["refund_id"], "succeeded")
    await until_order(shop, order_id, "refunded")


async def test_provider_that_was_away_is_asked_again(
    service: httpx.AsyncClient, shop: Shop, books: Books, line: Line
) -> None:
    order_id = shop.place()
    line.cut = True
    unknown = await pay(service, order_id)
    assert unknown.json()["type"] == "/problems/payment-outcome-unknown"
    payment_id = unknown.json()["payment_id"]
    await until_payment(service, payment_id, "unknown")
    line.cut = False
    await until_payment(service, payment_id, "captured")
    await until_order(shop, order_id, "paid")
    assert await books.captures() == 1


async def test_payment_that_nothing_helps_is_parked_in_sight_and_still_tried(
    service: httpx.AsyncClient, shop: Shop, books: Books, line: Line
) -> None:
    line.cut = True
    order_id = shop.place()
    payment_id = await books.payment(order_id, "unknown", token="tok_ok", attempts=23)

    async def parked() -> bool:
        return await books.fetch("SELECT FROM payment.payments WHERE parked") != []

    async def counted() -> bool:
        return 'outcome="parked",sweep="payments"' in (await service.get("/metrics")).text

    await until(parked)
    await until(counted)
    line.cut = False
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now()")
    await until_payment(service, payment_id, "captured")
    await until_settled(books)
    assert not await parked()


PARK_PAYMENTS = """
UPDATE payment.payments SET attempts = 24, next_attempt_at = now() + interval '1 hour'
 WHERE NOT settled
"""
PARK_REFUNDS = """
UPDATE payment.refunds SET attempts = 24, next_attempt_at = now() + interval '1 hour'
"""


async def test_parked_payment_and_refund_may_be_tried_anew(
    service: httpx.AsyncClient, shop: Shop, books: Books, line: Line
) -> None:
    refunded = (await pay(service, shop.place())).json()
    line.cut = True
    order_id = shop.place()
    payment_id = await books.payment(order_id, "unknown", token="tok_ok", attempts=1)
    assert (await service.post(f"/payments/{refunded['payment_id']}/refunds")).status_code == 503
    assert (await service.get("/parked")).json()["items"] == []
    await books.fetch(PARK_PAYMENTS)
    await books.fetch(PARK_REFUNDS)
    first = (await service.get("/parked", params={"limit": 1})).json()
    rest = (await service.get("/parked", params={"cursor": first["next_cursor"]})).json()
    parked = [*first["items"], *rest["items"]]
    assert {item["sweep"]: item["attempts"] for item in parked} == {"payments": 24, "refunds": 24}
    line.cut = False
    for item in parked:
        retried = await service.post(f"/parked/{item['item_id']}/retry")
        assert (retried.status_code, retried.json()) == (200, item)
    await until_payment(service, str(payment_id), "captured")
    await until_payment(service, refunded["payment_id"], "refunded")
    await until_settled(books)
    assert (await service.get("/parked")).json()["items"] == []


async def test_order_that_could_not_be_told_is_told_later(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    shop.deaf = True
    payment = await pay(service, order_id)
    assert (payment.status_code, payment.json()["status"]) == (201, "captured")
    assert shop.status(order_id) == "pending"
    assert (await pay(service, order_id)).json()["type"] == "/problems/already-paid"
    shop.deaf = False
    await until_order(shop, order_id, "paid")
    await until_settled(books)


async def test_order_that_was_cancelled_meanwhile_gives_the_money_back(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place(status="cancelled")
    payment_id = await books.captured(order_id)
    refunded = await until_payment(service, payment_id, "refunded")
    assert refunded["refunded"] == "20.00"
    (refund,) = (await service.get(f"/payments/{payment_id}/refunds")).json()["items"]
    assert (refund["reason"], refund["status"]) == ("order not payable", "succeeded")
    await until_settled(books)
    assert shop.status(order_id) == "cancelled"


async def test_other_trouble_with_the_order_keeps_the_money(
    service: httpx.AsyncClient, books: Books
) -> None:
    payment_id = await books.captured(str(uuid4()))

    async def tried_again() -> bool:
        return await books.fetch("SELECT FROM payment.payments WHERE attempts > 1") != []

    await until(tried_again)
    assert (await service.get(f"/payments/{payment_id}")).json()["status"] == "captured"
    assert await books.fetch("SELECT FROM payment.refunds") == []


async def test_order_that_was_cancelled_after_it_was_paid_is_refunded(
    service: httpx.AsyncClient,
    shop: Shop,
) -> None:
    """All of them, a page after the other."""
    first, order_id, last = shop.place(), shop.place(), shop.place()
    for each in (first, last):
        await pay(service, each)
    payment_id = (await pay(service, order_id)).json()["payment_id"]
    await service.post(f"/payments/{payment_id}/refunds", json={"amount": "1.00"})
    shop.cancelled_in = f"00-{'b' * 32}-{'c' * 16}-01"
    for each in (first, order_id, last):
        shop.orders[each]["status"] = "cancelled"
    for each in (first, order_id, last):
        await until_order(shop, each, "refunded")
    refunds = (await service.get(f"/payments/{payment_id}/refunds")).json()["items"]
    assert [refund["amount"] for refund in refunds] == ["19.00", "1.00"]
    # In the trace of who cancelled it.
    assert refunds[0]["trace_id"] == "b" * 32


async def test_deadlines_anywhere_lose_nothing(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    """Each request is cut off a little later in its life than the one before."""
    orders = [shop.place() for _ in range(40)]
    await asyncio.gather(
        *(
            pay(service, order_id, headers={"X-Request-Timeout-Ms": str(5 + 6 * number)})
            for number, order_id in enumerate(orders)
        )
    )
    await until_settled(books)
    begun = await books.fetch("SELECT order_id, status FROM payment.payments")
    assert {payment["status"] for payment in begun} <= {"captured"}
    paid = {str(payment["order_id"]) for payment in begun}
    assert {order_id for order_id in orders if shop.status(order_id) == "paid"} == paid
    assert await books.captures() == len(paid)


@pytest.mark.parametrize("outcome", [Outcome("declined"), None])
async def test_who_was_overtaken_writes_nothing(
    shop: Shop, books: Books, outcome: Outcome | None
) -> None:
    db = app.state.database
    payment_id = await books.payment(shop.place(), "processing", token="tok_ok")
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now() + interval '1 minute'")
    overtaken = await payments.find(db, payment_id)
    await books.fetch("UPDATE payment.payments SET version = version + 1")
    now = await payments.find(db, payment_id)
    assert await payments.decide(db, overtaken, outcome, 1) == now
    assert await payments.told(db, overtaken, "captured") is None
    assert await payments.find(db, payment_id) == now


async def test_provider_captures_once_whoever_asks(books: Books) -> None:
    sandbox, payment_id = Sandbox(app.state.context), UUID(int=7)
    capture = partial(sandbox.capture, payment_id, 2000, "EUR")
    outcomes = await asyncio.gather(*(capture(token) for token in ("tok_ok", "tok_declined") * 5))
    assert len(set(outcomes)) == 1
    assert len(await books.fetch("SELECT FROM payment.sandbox_charges")) == 1


async def test_token_is_nowhere_once_it_is_not_needed(
    service: httpx.AsyncClient, shop: Shop, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    for token in ("tok_ok", "tok_declined", "tok_timeout", "tok_error", "4242424242424242"):
        answer = await pay(service, shop.place(), token, key=token[-3:])
        assert token not in answer.text
    await until_settled(books)
    await service.get("/payments", headers={"X-Request-ID": "look-here"})
    for table in TABLES:
        rows = await books.fetch(f"SELECT * FROM payment.{table}")  # noqa: S608  # a constant above
        assert rows or table.endswith("refunds")
        assert not [row for row in rows if "tok_" in str(row) or "424242" in str(row)]
    logs.lines.flush()
    logged = capsys.readouterr().out
    assert "look-here" in logged
    assert "provider did not answer" in logged
    assert "tok_" not in logged
    assert "424242" not in logged
