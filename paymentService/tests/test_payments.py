"""Payments through their contract."""

import asyncio
from functools import partial
from uuid import uuid4

import asyncpg
import httpx
import pytest

from paymentService.tests.support import (
    Books,
    Shop,
    pay,
    until_order,
    until_payment,
    until_told,
)
from tests.polling import insist, until

# Whatever a test does, the books agree after it.
pytestmark = pytest.mark.usefixtures("books")


async def test_captured_payment_is_found_and_its_order_is_paid(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    created = await pay(service, order_id)
    assert created.status_code == 201, created.text
    payment = created.json()
    payment_id = payment["payment_id"]
    assert created.headers["location"] == f"/payments/{payment_id}"
    history, trace_id = payment["history"], payment["trace_id"]
    assert payment | {"payment_id": "", "created_at": "", "updated_at": ""} == {
        "payment_id": "",
        "order_id": order_id,
        "status": "captured",
        "amount": "20.00",
        "refunded": "0.00",
        "currency": "EUR",
        "method": {"type": "card", "last4": "4242"},
        "created_at": "",
        "updated_at": "",
        "history": history,
        "trace_id": trace_id,
    }
    assert payment["created_at"].endswith("Z")
    assert [entry["status"] for entry in history] == ["processing", "captured"]
    assert trace_id == created.headers["traceparent"][3:35]
    assert shop.orders[order_id] | {"total": ""} == {
        "order_id": order_id,
        "status": "paid",
        "total": "",
        "currency": "EUR",
        "payment_id": payment_id,
    }
    assert (await service.get(f"/payments/{payment_id}")).json() == payment
    assert await books.captures() == 1


async def test_declined_payment_leaves_the_order_free(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    for token in ("tok_declined", "tok_whatever"):
        declined = await pay(service, order_id, token)
        assert (declined.status_code, declined.json()["status"]) == (201, "declined")
    assert shop.told == []
    assert (await pay(service, order_id)).json()["status"] == "captured"
    assert await books.captures() == 1


@pytest.mark.parametrize("token", ["tok_timeout", "tok_error"])
async def test_unknown_outcome_is_known_to_the_same_key_later(
    service: httpx.AsyncClient, shop: Shop, books: Books, token: str
) -> None:
    order_id = shop.place()
    first = await pay(service, order_id, token, key="k")
    assert first.status_code == 503
    assert first.headers["retry-after"] == "1"
    problem = first.json()
    assert problem["type"] == "/problems/payment-outcome-unknown"

    async def answered() -> bool:
        return (await pay(service, order_id, token, key="k")).status_code == 201

    await until(answered)
    again = await pay(service, order_id, token, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["payment_id"] == problem["payment_id"]
    assert again.json()["status"] == "captured"
    await until_order(shop, order_id, "paid")
    assert await books.captures() == 1


async def test_unknown_outcome_is_found_out_without_the_client(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    payment_id = (await pay(service, order_id, "tok_timeout")).json()["payment_id"]
    await until_payment(service, payment_id, "captured")
    await until_order(shop, order_id, "paid")
    assert await books.captures() == 1


@pytest.mark.parametrize(
    ("token", "changes", "pointer"),
    [
        ("4242424242424242", {}, "#/method/token"),
        ("tok_4242-4242", {}, "#/method/token"),
        ("tok_" + "x" * 61, {}, "#/method/token"),
        ("tok_ok\n", {}, "#/method/token"),
        ("tok_ok", {"amount": "19.999"}, "#/amount"),
        ("tok_ok", {"amount": "-1"}, "#/amount"),
        ("tok_ok", {"currency": "eur"}, "#/currency"),
        ("tok_ok", {"order_id": "7"}, "#/order_id"),
        ("tok_ok", {"method": {"type": "cash", "token": "tok_ok"}}, "#/method/type"),
        ("tok_ok", {"surprise": 1}, "#/surprise"),
    ],
)
async def test_wrong_member_is_named_and_not_quoted(
    service: httpx.AsyncClient, shop: Shop, token: str, changes: dict[str, object], pointer: str
) -> None:
    refused = await pay(service, shop.place(), token, changes=changes)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert "4242" not in refused.text
    assert (await service.get("/payments")).json()["items"] == []


async def test_payment_must_be_what_the_order_comes_to(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    for changes in ({"amount": "19.99"}, {"currency": "USD"}):
        refused = await pay(service, shop.place(), changes=changes)
        assert refused.status_code == 422
        problem = refused.json()
        assert problem["type"] == "/problems/amount-mismatch"
        assert (problem["expected"], problem["currency"]) == ("20.00", "EUR")


async def test_unknown_order_is_refused(service: httpx.AsyncClient) -> None:
    refused = await pay(service, str(uuid4()))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/unknown-order")


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
async def test_order_that_is_over_cannot_be_paid(
    service: httpx.AsyncClient, shop: Shop, status: str
) -> None:
    refused = await pay(service, shop.place(status=status))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/order-not-payable")


async def test_order_that_was_shipped_on_invoice_is_paid(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.place(status="fulfilled")
    payment = (await pay(service, order_id)).json()
    assert payment["status"] == "captured"
    assert shop.orders[order_id]["payment_id"] == payment["payment_id"]
    again = await pay(service, order_id)
    assert again.json()["type"] == "/problems/already-paid"


@pytest.mark.parametrize("token", ["tok_ok", "tok_declined", "tok_timeout"])
async def test_of_nothing_there_is_nothing_to_pay(
    service: httpx.AsyncClient, shop: Shop, books: Books, token: str
) -> None:
    order_id = shop.place(total="0.00", status="paid")
    for amount in ("0.00", 0, "20.00"):
        refused = await pay(service, order_id, token, changes={"amount": amount})
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/nothing-to-pay"
    assert await books.fetch("SELECT FROM payment.payments") == []


async def test_payment_of_nothing_that_an_older_version_captured_is_given_back(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place(total="0.00", status="paid")
    payment_id = await books.captured(order_id, amount_minor=0)
    await until_payment(service, payment_id, "refunded")
    assert shop.status(order_id) == "paid"


async def test_order_in_an_unknown_state_is_not_paid(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place(status="on_hold")
    refused = await pay(service, order_id, key="k")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/unknown-order-status"
    assert refused.json()["order_status"] == "on_hold"
    assert await books.fetch("SELECT FROM payment.payments") == []
    shop.orders[order_id]["status"] = "pending"
    assert (await pay(service, order_id, key="k")).json()["status"] == "captured"


async def test_money_goes_back_only_for_a_state_that_is_known(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    """The order turns into something new while it is paid: the payment waits, captured, until the
    order takes it or is over."""
    order_id = shop.place(status="on_hold")
    payment_id = await books.captured(order_id)
    await until_told(shop, 2)
    payment = (await service.get(f"/payments/{payment_id}")).json()
    assert (payment["status"], payment["refunded"]) == ("captured", "0.00")
    shop.orders[order_id]["status"] = "cancelled"
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now()")
    await until_payment(service, payment_id, "refunded")


async def test_paid_order_names_its_payment(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.place()
    payment_id = (await pay(service, order_id)).json()["payment_id"]
    refused = await pay(service, order_id, key="other")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/already-paid"
    assert refused.json()["payment_id"] == payment_id
    again = await pay(service, order_id, key="other")
    assert again.content == refused.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_order_service_that_is_down_is_named_and_nothing_is_begun(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    shop.down = True
    refused = await pay(service, order_id, key="k")
    assert refused.status_code == 503
    assert refused.json()["dependency"] == "order"
    assert await books.fetch("SELECT FROM payment.payments") == []
    shop.down = False
    assert (await pay(service, order_id, key="k")).status_code == 201


async def test_same_key_at_once_captures_once(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()

    one_of_them = partial(pay, service, order_id, key="k")
    answers = await asyncio.gather(*(insist(one_of_them) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert await books.captures() == 1
    other = await pay(service, order_id, "tok_error", key="k")
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_different_keys_at_once_capture_once(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    answers = await asyncio.gather(
        *(pay(service, order_id, key=f"k{number}") for number in range(12))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    (payment_id,) = [a.json()["payment_id"] for a in answers if a.status_code == 201]
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {refusal["type"] for refusal in refusals} == {"/problems/already-paid"}
    assert {refusal["payment_id"] for refusal in refusals} == {payment_id}
    assert await books.captures() == 1


async def test_request_waits_for_one_that_is_declined(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    tokens = ["tok_declined"] * 6 + ["tok_ok"]
    answers = await asyncio.gather(*(pay(service, order_id, token) for token in tokens))
    assert answers[-1].status_code == 201
    assert answers[-1].json()["status"] == "captured"
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await books.captures() == 1


async def test_request_gives_up_waiting_for_one_that_takes_long(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    held = await books.payment(order_id, "processing", token="tok_declined")
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now() + interval '1 minute'")
    refused = await pay(service, order_id, key="k")
    assert refused.status_code == 409
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["type"] == "/problems/payment-in-progress"
    assert refused.json()["payment_id"] == str(held)
    await books.fetch("UPDATE payment.payments SET next_attempt_at = now()")
    assert (await pay(service, order_id, key="k")).json()["status"] == "captured"


async def test_list_is_newest_first(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.place()
    for _ in range(3):
        await pay(service, order_id, "tok_declined")
    await pay(service, order_id)
    await pay(service, shop.place())
    seen, query = [], f"order_id={order_id}&limit=3"
    while query:
        page = (await service.get(f"/payments?{query}")).json()
        seen += [payment["status"] for payment in page["items"]]
        after = page["next_cursor"]
        query = after and f"order_id={order_id}&limit=3&cursor={after}"
    assert seen == ["captured", "declined", "declined", "declined"]
    assert len((await service.get("/payments")).json()["items"]) == 5
    assert (await service.get("/payments?cursor=nonsense")).status_code == 422


@pytest.mark.parametrize("payment_id", ["nonsense", "0190b6a8-7a63-7000-8000-000000000000"])
async def test_payment_that_is_not_there(service: httpx.AsyncClient, payment_id: str) -> None:
    for path in ("", "/refunds", f"/refunds/{uuid4()}"):
        assert (await service.get(f"/payments/{payment_id}{path}")).status_code == 404
    assert (await service.post(f"/payments/{payment_id}/refunds", json={})).status_code == 404


async def test_history_tells_each_status_in_turn(service: httpx.AsyncClient, shop: Shop) -> None:
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    order_id = shop.place()
    payment_id = (await pay(service, order_id, "tok_timeout", headers=trace)).json()["payment_id"]
    await until_order(shop, order_id, "paid")
    refund = await service.post(f"/payments/{payment_id}/refunds", json={"amount": "5.00"})
    assert refund.json()["trace_id"] == refund.headers["traceparent"][3:35]
    await service.post(f"/payments/{payment_id}/refunds", json={})
    payment = (await service.get(f"/payments/{payment_id}")).json()
    told = [entry["status"] for entry in payment["history"]]
    assert told == ["processing", "unknown", "captured", "refunded"]
    moments = [entry["at"] for entry in payment["history"]]
    assert moments == sorted(moments)
    assert all(moment.endswith("Z") for moment in moments)
    assert payment["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (await service.get("/payments")).json()["items"] == [payment]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment.payments SET amount_minor = 1",
        "UPDATE payment.payments SET order_id = uuidv7()",
        "UPDATE payment.payments SET customer_id = uuidv7()",
        "UPDATE payment.payments SET history = '[]'",
        "UPDATE payment.refunds SET amount_minor = 1",
        "UPDATE payment.refunds SET payment_id = uuidv7()",
        "DELETE FROM payment.payments",
    ],
)
async def test_database_refuses_what_must_not_be(
    service: httpx.AsyncClient, shop: Shop, database_url: str, statement: str
) -> None:
    payment = (await pay(service, shop.place())).json()
    await service.post(f"/payments/{payment['payment_id']}/refunds", json={"amount": "1"})
    db = await asyncpg.connect(database_url)
    await db.execute("SET ROLE payment_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)
    await db.close()
