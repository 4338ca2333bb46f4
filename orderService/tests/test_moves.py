"""Every move of the state machine, and every one that is refused."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from orderService.tests.placed import (
    JOB,
    OTHER_JOB,
    OTHER_PARCEL,
    OTHER_PAYMENT,
    PARCEL,
    PAYMENT,
    SHIPMENT,
    Placed,
    bring,
    place,
)
from orderService.tests.shop import Shop, listed, order, problem

# What only peers hear.
UNTOLD = ("held", "promised_shipment_id")


@pytest.fixture
async def placed(service: httpx.AsyncClient, shop: Shop) -> Placed:
    return await place(service, shop)


@pytest.mark.parametrize(
    ("road", "history"),
    [
        ("pending", ["pending"]),
        ("paid", ["pending", "paid"]),
        ("fulfilled", ["pending", "paid", "fulfilled"]),
        ("cancelled", ["pending", "cancelled"]),
        ("cancelled, paid", ["pending", "paid", "cancelled"]),
        ("refunded", ["pending", "paid", "refunded"]),
        ("fulfilled, refunded", ["pending", "paid", "fulfilled", "refunded"]),
        ("by hand", ["pending", "paid", "fulfilled"]),
        ("by hand, unpaid", ["pending", "fulfilled"]),
        ("by hand, refunded", ["pending", "paid", "fulfilled", "refunded"]),
    ],
)
async def test_history_tells_the_road(placed: Placed, road: str, history: list[str]) -> None:
    await bring(placed, road)
    found = await placed.read()
    assert [entry["status"] for entry in found["history"]] == history
    assert found["status"] == history[-1]
    moments = [entry["at"] for entry in found["history"]]
    assert moments == sorted(moments)
    assert found["payment_id"] == (PAYMENT if "paid" in history else None)
    parcel = PARCEL if road.startswith("by hand") else SHIPMENT
    assert found["shipment_id"] == (parcel if "fulfilled" in history else None)


@pytest.mark.parametrize(
    ("road", "step"),
    [
        ("paid", "pay"),
        ("held", "hold"),
        ("held", "pay"),
        ("fulfilled", "ship"),
        ("fulfilled", "pay"),
        ("cancelled", "cancel"),
        ("cancelled, paid", "cancel"),
        ("cancelled, paid", "pay"),
        ("refunded", "refund"),
        ("fulfilled, refunded", "refund"),
        ("fulfilled, refunded", "ship"),
        ("by hand", "claim"),
        ("by hand, refunded", "claim"),
    ],
)
async def test_move_may_be_repeated(placed: Placed, road: str, step: str) -> None:
    await bring(placed, road)
    before = await placed.read()
    again = await getattr(placed, step)()
    assert again.status_code == 200
    told = {member: value for member, value in again.json().items() if member not in UNTOLD}
    assert told == {member: before[member] for member in told}
    assert await placed.read() == before


@pytest.mark.parametrize(
    ("road", "step", "arguments", "slug"),
    [
        ("pending", "refund", {}, "order-not-refundable"),
        ("pending", "hold", {}, "order-not-paid"),
        ("pending", "ship", {}, "order-not-held"),
        ("paid", "pay", {"payment": OTHER_PAYMENT}, "order-not-payable"),
        ("paid", "refund", {"payment": OTHER_PAYMENT}, "order-not-refundable"),
        ("paid", "ship", {}, "order-not-held"),
        ("held", "cancel", {}, "order-being-fulfilled"),
        ("held", "refund", {}, "order-being-fulfilled"),
        ("held", "hold", {"job": OTHER_JOB}, "order-being-fulfilled"),
        ("held", "ship", {"job": OTHER_JOB}, "order-not-held"),
        ("fulfilled", "cancel", {}, "order-shipped"),
        ("fulfilled", "hold", {"job": OTHER_JOB}, "order-not-fulfillable"),
        ("fulfilled", "ship", {"shipment": OTHER_JOB}, "order-not-held"),
        ("fulfilled", "pay", {"payment": OTHER_PAYMENT}, "order-not-payable"),
        ("cancelled", "pay", {}, "order-not-payable"),
        ("cancelled", "hold", {"require_payment": False}, "order-not-fulfillable"),
        ("cancelled", "refund", {}, "order-not-refundable"),
        ("cancelled, paid", "hold", {}, "order-not-fulfillable"),
        ("refunded", "cancel", {}, "order-not-cancellable"),
        ("refunded", "hold", {}, "order-not-fulfillable"),
        ("refunded", "pay", {"payment": OTHER_PAYMENT}, "order-not-payable"),
        ("fulfilled, refunded", "cancel", {}, "order-not-cancellable"),
        ("fulfilled, refunded", "hold", {}, "order-not-fulfillable"),
        ("held", "claim", {}, "order-being-fulfilled"),
        ("fulfilled", "claim", {}, "order-not-fulfillable"),
        ("cancelled", "claim", {}, "order-not-fulfillable"),
        ("cancelled, paid", "claim", {"has_address": True}, "order-not-fulfillable"),
        ("refunded", "claim", {}, "order-not-fulfillable"),
        ("by hand", "claim", {"shipment": OTHER_PARCEL}, "order-not-fulfillable"),
        ("by hand", "cancel", {}, "order-shipped"),
        ("by hand", "hold", {}, "order-not-fulfillable"),
        ("by hand", "ship", {}, "order-not-held"),
        ("by hand, unpaid", "cancel", {}, "order-shipped"),
        ("by hand, refunded", "cancel", {}, "order-not-cancellable"),
        ("by hand, refunded", "claim", {"shipment": OTHER_PARCEL}, "order-not-fulfillable"),
        ("held", "readdress", {}, "order-being-fulfilled"),
        ("fulfilled", "readdress", {}, "order-shipped"),
        ("by hand", "readdress", {}, "order-shipped"),
        ("fulfilled, refunded", "readdress", {}, "order-shipped"),
        ("cancelled", "readdress", {}, "order-not-changeable"),
        ("refunded", "readdress", {}, "order-not-changeable"),
    ],
)
async def test_move_that_is_refused_changes_nothing(
    placed: Placed, road: str, step: str, arguments: dict[str, Any], slug: str
) -> None:
    await bring(placed, road)
    before = await placed.read()
    refused = await getattr(placed, step)(**arguments)
    assert problem(refused) == (409, slug)
    assert ("retry-after" in refused.headers) == (slug == "order-being-fulfilled")
    assert await placed.read() == before


@pytest.mark.parametrize(
    ("amount", "currency", "slug"),
    [
        ("19.98", "EUR", "amount-mismatch"),
        ("20.00", "EUR", "amount-mismatch"),
        ("19.99", "USD", "amount-mismatch"),
        ("19.999", "EUR", "invalid-request"),
    ],
)
async def test_payment_must_be_of_the_total(
    placed: Placed, amount: str, currency: str, slug: str
) -> None:
    refused = await placed.pay(amount=amount, currency=currency)
    assert problem(refused) == (422, slug)
    if slug == "amount-mismatch":
        assert (refused.json()["expected"], refused.json()["currency"]) == ("19.99", "EUR")
    assert (await placed.read())["status"] == "pending"


@pytest.mark.parametrize("cancelled", [True, False])
async def test_order_of_nothing_is_never_paid_for(
    service: httpx.AsyncClient, shop: Shop, cancelled: bool
) -> None:
    """It is shipped as any that is paid, or cancelled, and there is no money to give back."""
    shop.sell("GIFT", "0.00")
    placed = Placed(service, (await order(service, shop, shop.cart(GIFT=1))).json()["order_id"])
    assert problem(await placed.pay(amount="0.00")) == (409, "order-not-payable")
    assert (await placed.hold()).status_code == 200
    assert problem(await placed.cancel()) == (409, "order-being-fulfilled")
    if cancelled:
        await placed.let_go()
        assert (await placed.cancel()).json()["status"] == "cancelled"
    else:
        assert (await placed.ship()).json()["status"] == "fulfilled"
    assert problem(await placed.pay(amount="0.00")) == (409, "order-not-payable")
    assert problem(await placed.refund()) == (409, "order-not-refundable")
    last = "cancelled" if cancelled else "fulfilled"
    found = await placed.read()
    assert [entry["status"] for entry in found["history"]] == ["pending", "paid", last]
    assert (await service.get("/cancelled-payments")).json()["items"] == []


async def test_job_that_lets_go_frees_the_order(placed: Placed) -> None:
    await placed.pay()
    await placed.hold()
    assert (await placed.let_go(OTHER_JOB)).status_code == 204
    assert (await placed.read())["fulfilment_job_id"] == JOB
    assert (await placed.hold()).status_code == 200
    assert (await placed.let_go()).status_code == 204
    assert (await placed.let_go()).status_code == 204
    assert problem(await placed.ship()) == (409, "order-not-held")
    assert (await placed.hold(OTHER_JOB, attempt=2)).status_code == 200
    assert (await placed.let_go(OTHER_JOB, attempt=2)).status_code == 204
    assert (await placed.cancel()).status_code == 200


async def test_late_hold_takes_nothing(placed: Placed) -> None:
    """It was sent before its job let go, and arrives after: nobody would ever let go again."""
    await placed.pay()
    assert (await placed.let_go()).status_code == 204
    assert problem(await placed.hold()) == (409, "order-not-held")
    assert (await placed.hold(attempt=2)).status_code == 200
    assert (await placed.let_go(attempt=2)).status_code == 204
    assert problem(await placed.hold(attempt=2)) == (409, "order-not-held")
    assert (await placed.cancel()).status_code == 200


async def test_shipped_order_is_not_let_go(placed: Placed) -> None:
    await bring(placed, "fulfilled")
    assert (await placed.let_go()).status_code == 204
    found = await placed.read()
    assert (found["status"], found["fulfilment_job_id"]) == ("fulfilled", JOB)


async def test_cancelling_keeps_its_reason_and_its_key(placed: Placed) -> None:
    first = await placed.cancel(key="k", reason="Changed my mind")
    again = await placed.cancel(key="k", reason="Changed my mind")
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    entries = [(entry["status"], entry["reason"]) for entry in first.json()["history"]]
    assert entries == [("pending", None), ("cancelled", "Changed my mind")]
    assert problem(await placed.cancel(reason=" ")) == (422, "invalid-request")


async def test_cancelling_is_refused_only_while_held(placed: Placed) -> None:
    await bring(placed, "held")
    assert problem(await placed.cancel(key="k")) == (409, "order-being-fulfilled")
    await placed.let_go()
    assert (await placed.cancel(key="k")).json()["status"] == "cancelled"


async def test_order_that_is_not_there_is_404(service: httpx.AsyncClient) -> None:
    nowhere = Placed(service, str(uuid4()))
    for answer in (
        await service.get(nowhere.path),
        await service.get("/orders/no-uuid"),
        *[
            await getattr(nowhere, step)()
            for step in ("pay", "refund", "hold", "let_go", "ship", "claim", "readdress")
        ],
        await nowhere.cancel(),
    ):
        assert problem(answer) == (404, "not-found")


async def test_list_is_newest_first_and_filtered(service: httpx.AsyncClient, shop: Shop) -> None:
    orders = [await place(service, shop) for _ in range(5)]
    ids = [placed.path.removeprefix("/orders/") for placed in orders]
    await orders[1].pay()
    await orders[2].pay(OTHER_PAYMENT)
    await orders[2].cancel()
    await orders[3].cancel()

    async def places(query: str) -> list[int]:
        return [ids.index(found["order_id"]) for found in await listed(service, query)]

    assert await places("") == [4, 3, 2, 1, 0]
    assert await places(f"customer_id={shop.customer}") == [4, 3, 2, 1, 0]
    assert await places(f"customer_id={uuid4()}") == []
    assert await places("status=pending") == [4, 0]
    assert await places("status=cancelled&paid=true") == [2]
    assert await places("paid=true") == [2, 1]
    assert await places("paid=false") == [4, 3, 0]
    seen: list[int] = []
    query: str | None = f"customer_id={shop.customer}&limit=2"
    while query:
        page = (await service.get(f"/orders?{query}")).json()
        seen += [ids.index(found["order_id"]) for found in page["items"]]
        after = page["next_cursor"]
        query = after and f"customer_id={shop.customer}&limit=2&cursor={after}"
    assert seen == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "query", ["status=draft", "status=lost", "limit=0", "limit=201", "cursor=x", "customer_id=1"]
)
async def test_wrong_filter_is_refused(service: httpx.AsyncClient, query: str) -> None:
    assert problem(await service.get(f"/orders?{query}")) == (422, "invalid-request")


async def test_cancel_and_hold_are_never_both(service: httpx.AsyncClient, shop: Shop) -> None:
    winners = set()
    for turn in range(30):
        placed = await place(service, shop)
        await placed.pay(str(uuid4()))
        racers = [placed.cancel(), placed.hold()]
        answers = await asyncio.gather(*(racers if turn % 2 else racers[::-1]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        found = await placed.read()
        winners.add((found["status"], found["fulfilment_job_id"]))
    assert winners <= {("cancelled", None), ("paid", JOB)}


async def test_payment_is_kept_whoever_wins(service: httpx.AsyncClient, shop: Shop) -> None:
    """Paying and cancelling race: a payment that was taken can be found and given back."""
    for turn in range(30):
        placed = await place(service, shop)
        racers = [placed.cancel(), placed.pay()]
        answers = await asyncio.gather(*(racers if turn % 2 else racers[::-1]))
        cancelled, paid = answers if turn % 2 else answers[::-1]
        assert cancelled.status_code == 200
        found = await placed.read()
        history = [entry["status"] for entry in found["history"]]
        taken = paid.status_code == 200
        assert history == (["pending", "paid", "cancelled"] if taken else ["pending", "cancelled"])
        assert found["payment_id"] == (PAYMENT if taken else None)


async def test_one_of_two_payments_is_taken(service: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(10):
        placed = await place(service, shop)
        answers = await asyncio.gather(*(placed.pay(str(uuid4())) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_one_of_two_jobs_holds(service: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(10):
        placed = await place(service, shop)
        await placed.pay()
        answers = await asyncio.gather(*(placed.hold(str(uuid4())) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
