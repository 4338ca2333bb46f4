"""One invoice over HTTP, however far an earlier attempt has got."""

import json
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID

import httpx
import pytest

from fleet.client import Client
from fleet.replay.journal import Entry
from fleet.replay.plan import Cancellation, Purchase
from fleet.replay.shopper import Refused, Shopper
from fleet.services import SERVICES

PURCHASE = Purchase("500001", "customer-1", [("A-1.00", 2), ("B-2.00", 1)], Decimal("4.00"))
ORDER = {"order_id": "o", "total": "4.00", "currency": "GBP"}
DONE = {"job_id": "j", "status": "completed"}
FLEET: dict[str, list[tuple[int, Any]]] = {
    "cart": [(200, {})],
    "order": [(201, ORDER)],
    "payment": [(201, {"payment_id": "p"})],
    "transaction": [(201, {})],
    "fulfilment": [(201, DONE)],
}


class Fleet:
    """Each service gives its answers in turn, the last one for ever."""

    def __init__(self, **answers: list[tuple[int, Any]]) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.bodies: list[Any] = []
        self._answers = {name: list(given) for name, given in (FLEET | answers).items()}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        service = request.url.host
        self.asked.append((request.method, service, request.url.path))
        self.bodies.append(json.loads(request.content or b"null"))
        answers = self._answers[service]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return httpx.Response(status, json=body)

    def shopper(self) -> Shopper:
        urls = {each.name: f"http://{each.name}" for each in SERVICES}
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return Shopper(Client(urls, http), NAMESPACE_OID, {"customer-1": "c"})


def problem(slug: str, **members: str) -> dict[str, str]:
    return {"type": f"/problems/{slug}", **members}


async def test_a_purchase_from_cart_to_parcel() -> None:
    fleet = Fleet()
    entry = await fleet.shopper().buy(PURCHASE)
    assert entry == Entry("500001", order_id="o", payment_id="p")
    services = [service for _, service, _ in fleet.asked]
    assert services == ["cart", "cart", "order", "payment", "transaction", "fulfilment"]
    assert fleet.bodies[4]["reference"] == "500001"


@pytest.mark.parametrize(
    "earlier",
    [
        {
            "cart": [(409, problem("cart-checked-out", order_id="o"))],
            "order": [(200, ORDER)],
        },
        {"order": [(409, problem("cart-checked-out", order_id="o")), (200, ORDER)]},
        {"payment": [(409, problem("already-paid", payment_id="p"))]},
        {"transaction": [(409, problem("already-charged"))]},
        {"fulfilment": [(200, DONE)]},
        {"fulfilment": [(409, problem("order-not-paid")), (201, DONE)]},
        {"fulfilment": [(202, {"job_id": "j", "status": "reserved"}), (200, DONE)]},
    ],
)
async def test_it_goes_on_from_where_an_earlier_attempt_got(
    earlier: dict[str, list[tuple[int, Any]]],
) -> None:
    entry = await Fleet(**earlier).shopper().buy(PURCHASE)
    assert entry == Entry("500001", order_id="o", payment_id="p")


async def test_a_refusal_is_told_in_the_service_s_words() -> None:
    fleet = Fleet(order=[(422, problem("unknown-sku"))])
    with pytest.raises(Refused, match="order says 422 unknown-sku"):
        await fleet.shopper().buy(PURCHASE)


async def test_a_cancellation_is_refunded_and_booked() -> None:
    fleet = Fleet()
    cancellation = Cancellation("C2", "customer-1", {"1": Decimal("1.50"), "9": Decimal("2.00")})
    bought = {"1": Entry("1", order_id="o", payment_id="p"), "9": Entry("9", refused="no")}
    entry = await fleet.shopper().give_back(cancellation, bought)
    assert entry == Entry("C2", refunds={"1": "1.50"})
    assert fleet.asked == [
        ("POST", "payment", "/payments/p/refunds"),
        ("POST", "transaction", "/transactions"),
    ]
    assert fleet.bodies[1] == {
        "order_id": "o",
        "amount": "1.50",
        "currency": "GBP",
        "kind": "refund",
        "reference": "C2",
    }
