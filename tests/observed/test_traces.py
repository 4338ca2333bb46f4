"""One trace for one purchase: through all ten services, and the sweeps that finish what was cut."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from fleet.services import SERVICES
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.observed.collector import Collector, Seen, collecting
from tests.polling import until
from tests.shop import Shop, unique
from tests.standstill import undisturbed

SWEEPS = {"sweep payments", "sweep unfinished-jobs"}
# What a sweep asked of shipping is below it, and the statement that this led to there.
BY_THE_SWEEP = [
    ("shipping", "POST /shipments"),
    ("fulfilment", "POST shipping"),
    ("fulfilment", "sweep unfinished-jobs"),
]
CARD, MAIL, STREET = "tok_timeout", "canary@example.org", "1 Canary Wharf"
HOME = {"line1": STREET, "city": "London", "postal_code": "E14", "country": "GB"}
PERSON = {"email": MAIL, "name": "Canary", "address": HOME}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def fleet(collector: Collector) -> Iterator[Fleet]:
    with (
        data_folder() as folder,
        embedded_fleet(
            folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100"
        ) as running,
    ):
        yield running


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.urls) as shop:
        yield shop


def in_one_trace(shop: Shop, flags: str) -> str:
    """All that this client asks from now on comes from one span of its own. Returns the trace."""
    trace_id = secrets.token_hex(16)
    for service in SERVICES:
        shop[service.name].headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
    return trace_id


async def buy_and_be_cut_off(fleet: Fleet, shop: Shop) -> None:
    """The provider answers late, so that a sweep has to ask it; fulfilment is killed half way."""
    sku = await shop.product(stock=10)
    await shop.get("search", f"/search?q={sku}")
    customer = await shop.post("customer", "/customers", PERSON)
    await ask_in_vain(shop["customer"])
    amount = await paid_late(shop, sku, customer["customer_id"])
    await shop.until("order", f"/orders/{amount['order_id']}", status="paid")
    await shop.post("transaction", "/transactions", amount)
    os.kill(fleet.pid("shipping"), signal.SIGSTOP)
    try:
        begun = asyncio.create_task(
            shop["fulfilment"].post("/fulfilments", json={"order_id": amount["order_id"]})
        )
        job = await half_way(shop, amount["order_id"])
        os.kill(fleet.pid("fulfilment"), signal.SIGKILL)
        await asyncio.gather(begun, return_exceptions=True)
    finally:
        os.kill(fleet.pid("shipping"), signal.SIGCONT)
    await until(lambda: is_completed(shop, job), seconds=40)


@undisturbed
async def paid_late(shop: Shop, sku: str, customer_id: str) -> dict[str, str]:
    """Returns what was paid, and for which order, with nobody told how it went."""
    cart = await shop.post("cart", "/carts", {})
    await shop.post(
        "cart", f"/carts/{cart['cart_id']}/items", {"sku": sku, "quantity": 1}, status=200
    )
    wanted = {"customer_id": customer_id, "cart_id": cart["cart_id"]}
    order = await shop.post("order", "/orders", wanted)
    amount = {"order_id": order["order_id"], "amount": order["total"], "currency": "EUR"}
    late = await shop["payment"].post(
        "/payments",
        json=amount | {"method": {"type": "card", "token": CARD}},
        headers={"Idempotency-Key": unique("pay")},
    )
    assert late.status_code == 503
    return amount


async def ask_in_vain(customers: httpx.AsyncClient) -> None:
    """What is personal, where PostgreSQL refuses it, in a query, and in a path."""
    assert (await customers.post("/customers", json=PERSON)).status_code == 409
    assert (await customers.get("/customers", params={"limit": MAIL})).status_code == 422
    assert (await customers.get(f"/{MAIL}")).status_code == 404


async def half_way(shop: Shop, order_id: str) -> str:
    """Returns the order's job, once its goods have left and nobody has shipped them."""

    async def left() -> str:
        jobs = (await shop.get("fulfilment", f"/fulfilments?order_id={order_id}"))["items"]
        goods_left = jobs and "commit" in [step["step"] for step in jobs[0]["steps"]]
        return str(jobs[0]["job_id"]) if goods_left else ""

    return await until(left)


async def is_completed(shop: Shop, job: str) -> bool:
    try:
        answer = await shop["fulfilment"].get(f"/fulfilments/{job}")
    except httpx.TransportError:  # a connection that the killed process had
        return False
    return answer.status_code == 200 and answer.json()["status"] == "completed"


async def test_a_purchase_that_was_cut_off_is_one_trace(
    fleet: Fleet, shop: Shop, collector: Collector
) -> None:
    trace_id = in_one_trace(shop, "01")
    await buy_and_be_cut_off(fleet, shop)
    await until(lambda: is_whole(collector.of_trace(trace_id)), seconds=40)
    spans = collector.of_trace(trace_id)
    assert {"409", "422", "404"} <= {
        each.attributes.get("http.response.status_code", "") for each in spans
    }
    # All there is of them: events, states and links as well.
    told = "".join(str(each.span) for each in spans)
    pages = [(await shop[service.name].get("/metrics")).text for service in SERVICES]
    for secret in (CARD, MAIL, STREET, "Canary"):
        assert all(secret not in text for text in (told, *pages))
    logs = Path(fleet.environment["DATA_DIR"], "logs")
    for service in SERVICES:
        assert trace_id in (logs / f"{service.name}.log").read_text(), service.name


async def has(collector: Collector, trace_id: str) -> bool:
    return bool(collector.of_trace(trace_id))


async def is_whole(spans: list[Seen]) -> bool:
    names = {each.span.name for each in spans}
    shipped = any(each.span.name == "PUT /orders/{order_id}/shipment" for each in spans)
    return (
        {each.service for each in spans} == {s.name for s in SERVICES}
        and names >= SWEEPS
        and shipped
        and BY_THE_SWEEP in above_looks(spans)
    )


def above_looks(spans: list[Seen]) -> list[list[tuple[str, str]]]:
    """What each statement that looked for a shipment is below: the one that was asked for first may
    have been made meanwhile."""
    known = {each.id: each for each in spans}
    looks = [each for each in spans if each.span.name == "SELECT shipping.shipment_events"]
    return [above(known, each) for each in looks]


def above(known: dict[str, Seen], span: Seen) -> list[tuple[str, str]]:
    """From the nearest to the furthest; those of a killed process were lost with it."""
    line = []
    while parent := known.get(span.parent):
        line.append((parent.service, parent.span.name))
        span = parent
    return line


async def test_who_asks_for_no_trace_gets_none(shop: Shop, collector: Collector) -> None:
    unwanted = in_one_trace(shop, "00")
    await shop.order({await shop.product(): 1})
    wanted = in_one_trace(shop, "01")
    await shop.order({await shop.product(): 1})
    await until(lambda: has(collector, wanted), seconds=40)
    assert collector.of_trace(unwanted) == []


async def test_idle_sweeps_and_probes_make_no_spans(shop: Shop, collector: Collector) -> None:
    await shop.get("order", "/livez")
    trace_id = in_one_trace(shop, "01")
    await shop.get("order", "/orders?limit=1")
    await until(lambda: has(collector, trace_id), seconds=40)
    names = {each.span.name for each in collector.seen}
    assert "GET /livez" not in names
    assert "GET /readyz" not in names
    roots = [each.span.name for each in collector.seen if not each.parent]
    assert roots == []
