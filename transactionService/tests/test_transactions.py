"""The ledger through its contract."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import product
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.order_peer import OrderPeer


class Orders(OrderPeer):
    def place(self, total: str = "30.00", currency: str = "EUR", status: str = "pending") -> str:
        return self.hold(total=total, currency=currency, status=status)


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def peers(orders: Orders) -> Orders:
    return orders


async def post(
    service: httpx.AsyncClient, order_id: str, key: str = "", **changes: object
) -> httpx.Response:
    body = {"order_id": order_id, "amount": "30.00", "currency": "EUR", **changes}
    headers = {"Idempotency-Key": key} if key else {}
    return await service.post("/transactions", json=body, headers=headers)


async def refund(
    service: httpx.AsyncClient, order_id: str, amount: str, key: str = ""
) -> httpx.Response:
    return await post(service, order_id, key, kind="refund", amount=amount)


async def recorded(service: httpx.AsyncClient, order_id: str) -> list[tuple[str, str]]:
    found = (await service.get(f"/transactions?order_id={order_id}")).json()["items"]
    return [(transaction["kind"], transaction["amount"]) for transaction in found]


async def test_charge_is_recorded_and_found(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    created = await post(service, order_id, reference="invoice 7")
    assert created.status_code == 201, created.text
    transaction = created.json()
    assert created.headers["location"] == f"/transactions/{transaction['transaction_id']}"
    assert (await service.get(created.headers["location"])).json() == transaction
    assert transaction.pop("created_at").endswith("Z")
    assert transaction.pop("transaction_id")[14] == "7"
    assert transaction == {
        "order_id": order_id,
        "kind": "charge",
        "amount": "30.00",
        "currency": "EUR",
        "reference": "invoice 7",
    }
    assert (await service.get(f"/balances/{order_id}")).json() == {
        "order_id": order_id,
        "charged": "30.00",
        "refunded": "0.00",
        "net": "30.00",
        "currency": "EUR",
    }


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [(30, "EUR", "30.00"), ("500", "JPY", "500"), (0.1, "KWD", "0.100")],
)
async def test_amount_is_kept_exactly(
    service: httpx.AsyncClient, orders: Orders, amount: object, currency: str, kept: str
) -> None:
    order_id = orders.place(kept, currency)
    created = await post(service, order_id, amount=amount, currency=currency)
    assert created.status_code == 201, created.text
    assert created.json()["amount"] == kept


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.00", "EUR"), ("29.99", "EUR"), ("30.01", "EUR"), (60, "EUR"), ("30.00", "USD")],
)
async def test_charge_is_of_the_order_total(
    service: httpx.AsyncClient, orders: Orders, amount: object, currency: str
) -> None:
    order_id = orders.place()
    refused = await post(service, order_id, amount=amount, currency=currency)
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["type"] == "/problems/amount-mismatch"
    assert (problem["expected"], problem["currency"]) == ("30.00", "EUR")
    assert await recorded(service, order_id) == []


NO_AMOUNTS = ("-1", "1.001", "1.000", "10000000000", "NaN", True, None)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [*product(("charge", "refund"), NO_AMOUNTS), ("refund", "0"), ("refund", "0.00")],
)
async def test_amount_that_is_none_is_refused_unasked(
    service: httpx.AsyncClient, orders: Orders, kind: str, amount: object
) -> None:
    refused = await post(service, orders.place(), kind=kind, amount=amount)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/invalid-request"
    assert refused.json()["errors"][0]["pointer"] == "#/amount"
    assert orders.asked == 0


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "gift"}, "#/kind"),
        ({"currency": "XXX"}, "#/currency"),
        ({"order_id": "7"}, "#/order_id"),
        ({"reference": " "}, "#/reference"),
        ({"surprise": 1}, "#/surprise"),
    ],
)
async def test_wrong_member_is_named(
    service: httpx.AsyncClient, orders: Orders, changes: dict[str, object], pointer: str
) -> None:
    body = {"order_id": orders.place(), "amount": "30.00", "currency": "EUR", **changes}
    refused = await service.post("/transactions", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("kind", ["charge", "refund"])
async def test_unknown_order_is_refused(service: httpx.AsyncClient, kind: str) -> None:
    refused = await post(service, str(uuid4()), kind=kind)
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/unknown-order"


async def test_order_is_charged_once(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    first = await post(service, order_id)
    refused = await post(service, order_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/already-charged"
    assert refused.json()["transaction_id"] == first.json()["transaction_id"]


async def test_racing_charges_leave_one(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    answers = await asyncio.gather(*(post(service, order_id) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert len({answer.json()["transaction_id"] for answer in answers}) == 1
    assert await recorded(service, order_id) == [("charge", "30.00")]


async def test_refunds_add_up_to_the_charge_at_most(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    assert (await refund(service, order_id, "12.50")).status_code == 201
    refused = await refund(service, order_id, "17.51")
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "/problems/refund-exceeds-charge"
    assert (problem["refundable"], problem["currency"]) == ("17.50", "EUR")
    assert (await refund(service, order_id, "17.50")).status_code == 201
    balance = (await service.get(f"/balances/{order_id}")).json()
    assert (balance["charged"], balance["refunded"], balance["net"]) == ("30.00", "30.00", "0.00")


async def test_racing_refunds_stay_within_the_charge(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    answers = await asyncio.gather(*(refund(service, order_id, "7.00") for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {201: 4, 409: 4}
    assert (await recorded(service, order_id)).count(("refund", "7.00")) == 4
    assert (await service.get(f"/balances/{order_id}")).json()["net"] == "2.00"


async def test_refund_needs_a_charge_and_is_looked_at_anew(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    early = await refund(service, order_id, "5.00", key="r1")
    assert early.status_code == 409
    assert early.json()["type"] == "/problems/refund-exceeds-charge"
    assert early.json()["refundable"] == "0.00"
    await post(service, order_id)
    assert (await refund(service, order_id, "5.00", key="r1")).status_code == 201


async def test_lasting_refusal_is_kept_with_its_key(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    for kind, amount in (("charge", "30.00"), ("refund", "30.01")):
        first = await post(service, order_id, key=kind, kind=kind, amount=amount)
        again = await post(service, order_id, key=kind, kind=kind, amount=amount)
        assert (first.status_code, again.status_code) == (409, 409)
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"


async def test_refund_is_in_the_currency_of_the_charge(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    refused = await post(service, order_id, kind="refund", amount="5", currency="JPY")
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/amount-mismatch"
    assert refused.json()["currency"] == "EUR"
    assert await recorded(service, order_id) == [("charge", "30.00")]


async def test_key_gives_the_same_bytes_again(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id = orders.place()
    first = await post(service, order_id, key="k1")
    again = await post(service, order_id, key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    orders.trouble = lambda _: httpx.Response(500, json={})
    assert (await post(service, order_id, key="k1")).content == first.content
    orders.trouble = None
    other = await post(service, order_id, key="k1", reference="another")
    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_racing_repeats_of_a_refund_take_once(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    answers = await asyncio.gather(*(refund(service, order_id, "1.00", key="r") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await service.get(f"/balances/{order_id}")).json()["refunded"] == "1.00"


def nobody(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody answers")


@pytest.mark.parametrize(
    "trouble",
    [
        nobody,
        lambda _: httpx.Response(500, json={}),
        lambda _: httpx.Response(403, json={}),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json=[]),
        lambda _: httpx.Response(200, json={"total": "a lot", "currency": "EUR"}),
        lambda _: httpx.Response(200, json={"total": "30.00"}),
    ],
    ids=["down", "500", "403", "no-json", "no-object", "no-amount", "no-currency"],
)
async def test_charge_waits_for_the_order_service(
    service: httpx.AsyncClient,
    orders: Orders,
    trouble: Callable[[httpx.Request], httpx.Response],
) -> None:
    order_id = orders.place()
    orders.trouble = trouble
    refused = await post(service, order_id, key="k")
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/dependency-unavailable"
    assert refused.json()["dependency"] == "order"
    assert int(refused.headers["retry-after"]) > 0
    assert await recorded(service, order_id) == []
    # Whether there is anything to charge is not known.
    assert (await service.get(f"/balances/{order_id}")).status_code == 503
    orders.trouble = None
    assert (await service.get(f"/balances/{order_id}")).status_code == 404
    assert (await post(service, order_id, key="k")).status_code == 201


async def test_refund_of_a_charge_needs_no_order_service(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    orders.trouble = nobody
    assert (await refund(service, order_id, "5.00")).status_code == 201
    assert (await refund(service, orders.place(), "5.00")).status_code == 503


async def test_list_is_newest_first_and_pages(service: httpx.AsyncClient, orders: Orders) -> None:
    order_id, other = orders.place(), orders.place()
    await post(service, order_id)
    await post(service, other)
    for amount in ("1.00", "2.00", "3.00"):
        await refund(service, order_id, amount)
    assert await pages(service, f"order_id={order_id}") == ["3.00", "2.00", "1.00", "30.00"]
    assert await pages(service, "") == ["3.00", "2.00", "1.00", "30.00", "30.00"]


async def pages(service: httpx.AsyncClient, query: str) -> list[str]:
    """The amounts of a list that is read in pages of two."""
    seen, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = (await service.get(f"/transactions?limit=2&{query}{after}")).json()
        assert len(page["items"]) <= 2
        seen += [transaction["amount"] for transaction in page["items"]]
        cursor = page["next_cursor"]
    return seen


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzVd", "limit=0", "order_id=7"])
async def test_wrong_query_is_refused(service: httpx.AsyncClient, query: str) -> None:
    assert (await service.get(f"/transactions?{query}")).status_code == 422


@pytest.mark.parametrize("kind", ["transactions", "balances"])
async def test_what_is_not_there_is_not_found(service: httpx.AsyncClient, kind: str) -> None:
    for name in (uuid4(), "nonsense"):
        answer = await service.get(f"/{kind}/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_accounts_tell_what_was_taken_and_given_back(
    service: httpx.AsyncClient, orders: Orders, database_url: str
) -> None:
    order_id = orders.place()
    await post(service, order_id)
    await refund(service, order_id, "5.00")
    db = await asyncpg.connect(database_url)
    try:
        accounts = await db.fetch(
            "SELECT account, sum(amount_minor) FROM payment.entries GROUP BY account"
        )
    finally:
        await db.close()
    assert {row["account"]: row["sum"] for row in accounts} == {
        "cash": 2500,
        "sales": -3000,
        "sales_returns": 500,
    }


@pytest.mark.parametrize(("total", "currency"), [("0.00", "EUR"), ("0", "JPY"), ("0.000", "KWD")])
async def test_of_nothing_there_is_nothing_to_charge(
    service: httpx.AsyncClient, orders: Orders, total: str, currency: str
) -> None:
    order_id = orders.place(total, currency, status="paid")
    for amount in (total, "5"):
        refused = await post(service, order_id, "k" + amount, amount=amount, currency=currency)
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/nothing-to-pay"
    back = await post(service, order_id, kind="refund", amount="1", currency=currency)
    assert back.json()["type"] == "/problems/refund-exceeds-charge"
    assert await recorded(service, order_id) == []
    assert (await service.get(f"/balances/{order_id}")).json() == {
        "order_id": order_id,
        "charged": total,
        "refunded": total,
        "net": total,
        "currency": currency,
    }


async def test_balance_of_what_is_not_charged_yet_is_not_there(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    assert (await service.get(f"/balances/{orders.place()}")).status_code == 404


async def test_order_in_an_unknown_state_is_not_charged(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    order_id = orders.place(status="on_hold")
    refused = await post(service, order_id, "k")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/unknown-order-status"
    assert refused.json()["order_status"] == "on_hold"
    assert await recorded(service, order_id) == []
    orders.placed[f"/orders/{order_id}"]["status"] = "paid"
    assert (await post(service, order_id, "k")).status_code == 201
