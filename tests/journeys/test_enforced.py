"""A purchase where nobody is let in without a token: by a customer, and by the staff."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from chassis.callers import Role
from fleet import issuer
from fleet.services import SERVICES
from tests.fleets import Fleet, data_folder, embedded_fleet
from tests.shop import HOME, Shop, unique

INVOICES = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
500001,85123A,WHITE HEART,6,2010-12-01T08:26:00,2.55,17850,United Kingdom
"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with data_folder() as folder, embedded_fleet(folder, AUTH_MODE="enforce") as running:
        yield running
        audit = running.run("fleet.audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr


@dataclass
class Callers:
    """The same shop, as each of them sees it."""

    ada: Shop
    bob: Shop
    staff: Shop
    stranger: Shop
    ada_id: str


@pytest.fixture
async def callers(fleet: Fleet) -> AsyncIterator[Callers]:
    ada_id = str(uuid4())
    tokens = {
        "ada": token(fleet, "customer", ada_id),
        "bob": token(fleet, "customer", str(uuid4())),
        "staff": token(fleet, "staff", "sam"),
        "stranger": None,
    }
    async with AsyncExitStack() as stack:
        shops = {
            name: await stack.enter_async_context(Shop(fleet.urls, token=shown))
            for name, shown in tokens.items()
        }
        yield Callers(**shops, ada_id=ada_id)


def token(fleet: Fleet, role: Role, subject: str) -> str:
    return issuer.token(Path(fleet.environment["DATA_DIR"], "keys"), role, subject)


async def ordered(ada: Shop, ada_id: str, sku: str) -> dict[str, str]:
    """Ada's own order of one piece, in a cart of her own."""
    cart = await ada.post("cart", "/carts", {})
    path = f"/carts/{cart['cart_id']}/items"
    await ada.post("cart", path, {"sku": sku, "quantity": 1}, status=200)
    order: dict[str, str] = await ada.post(
        "order", "/orders", {"customer_id": ada_id, "cart_id": cart["cart_id"]}
    )
    return order


async def signed_up(callers: Callers) -> str:
    """A product that is there, and Ada, who has a profile. Returns the SKU."""
    profile = {"email": f"{unique('ada')}@example.org", "name": "Ada", "address": HOME}
    made = await callers.ada.post("customer", "/customers", profile)
    assert made["customer_id"] == callers.ada_id
    return await callers.staff.product()


async def test_a_purchase(callers: Callers) -> None:
    ada, staff = callers.ada, callers.staff
    sku = await signed_up(callers)
    order = await ordered(ada, callers.ada_id, sku)
    order_id = {"order_id": order["order_id"]}
    payment = (await ada.pay(order)).json()
    assert payment["status"] == "captured"
    money = {"amount": order["total"], "currency": order["currency"]}
    entry = await staff.post("transaction", "/transactions", order_id | money)
    job = await staff.post("fulfilment", "/fulfilments", order_id)
    assert job["status"] == "completed"
    assert (await ada.get("order", f"/orders/{order['order_id']}"))["status"] == "fulfilled"
    (parcel,) = (await ada.get("shipping", f"/shipments?order_id={order['order_id']}"))["items"]
    refunds = f"/payments/{payment['payment_id']}/refunds"
    await staff.post("payment", refunds, {})
    await ada.until("order", f"/orders/{order['order_id']}", status="refunded")

    things = {
        "customer": f"/customers/{callers.ada_id}",
        "cart": f"/carts/{order['cart_id']}",
        "order": f"/orders/{order['order_id']}",
        "payment": f"/payments/{payment['payment_id']}",
        "shipping": f"/shipments/{parcel['shipment_id']}",
    }
    for service, path in things.items():
        assert (await statuses(callers, service, path)) == (200, 404, 200, 401)
    for service, path in (
        ("transaction", f"/transactions/{entry['transaction_id']}"),
        ("fulfilment", f"/fulfilments/{job['job_id']}"),
        ("warehouse", f"/stock/{sku}"),
    ):
        assert (await statuses(callers, service, path)) == (403, 403, 200, 401)


async def statuses(callers: Callers, service: str, path: str) -> tuple[int, ...]:
    """What Ada, Bob, the staff and a stranger hear."""
    each = (callers.ada, callers.bob, callers.staff, callers.stranger)
    return tuple([(await shop[service].get(path)).status_code for shop in each])


async def test_bob_gets_nothing_of_adas_by_a_detour(callers: Callers) -> None:
    sku = await signed_up(callers)
    order = await ordered(callers.ada, callers.ada_id, sku)
    path = f"/orders/{order['order_id']}/cancel"
    assert (await callers.bob["order"].post(path, json={})).status_code == 404
    unknown = await callers.bob.pay(order)
    assert unknown.json()["type"] == "/problems/unknown-order"
    lists = {"order": "orders", "payment": "payments", "shipping": "shipments"}
    for service, name in {**lists, "customer": "customers"}.items():
        assert (await callers.bob.get(service, f"/{name}"))["items"] == []


async def test_sweeps_show_tokens_too(callers: Callers) -> None:
    """A cancelled order that is paid gets its money back without anybody asking for it."""
    order = await ordered(callers.ada, callers.ada_id, await signed_up(callers))
    assert (await callers.ada.pay(order)).status_code == 201
    path = f"/orders/{order['order_id']}"
    await callers.ada.until("order", path, status="paid")
    await callers.ada.post("order", f"{path}/cancel", {}, status=200)
    await callers.ada.until("order", path, status="refunded")


async def test_make_token_prints_one(fleet: Fleet) -> None:
    said = fleet.run("fleet.issuer", "customer", str(uuid4()))
    assert said.returncode == 0, said.stderr
    async with Shop(fleet.urls, token=said.stdout.strip()) as shop:
        assert (await shop.get("order", "/orders"))["items"] == []
    assert fleet.run("fleet.issuer", "customer").returncode != 0


def test_operators_are_asked_for_a_token(fleet: Fleet) -> None:
    bare = fleet.run("fleet.parked")
    assert bare.returncode == 1
    assert " asks for a token. Show one in TOKEN" in bare.stderr
    # How the fleet is may be seen without.
    status = fleet.run("fleet.status", "--seconds", "0.1")
    assert status.returncode == 0, status.stdout + status.stderr


@pytest.mark.parametrize(
    "command", ["fleet.demo", "fleet.parked", "fleet.parked retry --all", "fleet.replay {data}"]
)
def test_operators_show_a_token(fleet: Fleet, command: str, tmp_path: Path) -> None:
    data = tmp_path / "invoices.csv"
    data.write_text(INVOICES)
    environment = fleet.environment | {"TOKEN": token(fleet, "staff", "sam")}
    done = replace(fleet, environment=environment).run(*command.format(data=data).split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert environment["TOKEN"] not in done.stdout


async def test_no_service_was_refused_by_another(fleet: Fleet) -> None:
    async with httpx.AsyncClient() as client:
        for service in SERVICES:
            page = (await client.get(f"{fleet.urls[service.name]}/metrics")).text
            refused = re.findall(r"http_client_request_duration_seconds_count\{.*40[13].*", page)
            assert refused == [], service.name
