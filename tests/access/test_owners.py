"""What is Ada's, Bob neither sees nor touches: both try every route that admits customers."""

from typing import Any

import httpx
import jwt
import pytest

from chassis.app import load_app
from fleet.services import BY_NAME, SERVICES
from tests.access.test_every_caller import operations
from tests.access.tokens import ADA, BOB, Tokens
from tests.access.world import CART, ORDER, World
from tests.shop import HOME

OTHER_CART = "0190b6a8-7a63-7000-8000-0000000000c2"
PROFILE = {"email": "ada@example.org", "name": "Ada"}
ITEM = {"sku": "TEA", "quantity": 1}
CARD = {"type": "card", "token": "tok_ok"}
PAYMENT = {"order_id": str(ORDER), "amount": "6.90", "currency": "EUR", "method": CARD}

# Nobody's in particular.
GOODS = {
    "product_catalogue": {"GET /products", "GET /products/{sku}"},
    "search": {"GET /search", "GET /suggest"},
}
# What names a thing of somebody's, and what Ada may send there; what ends the thing comes last.
THINGS: dict[str, dict[str, Any]] = {
    "cart": {
        "GET /carts/{cart_id}": None,
        "POST /carts/{cart_id}/items": ITEM,
        "PUT /carts/{cart_id}/items/{sku}": {"quantity": 2},
        "POST /carts/{cart_id}/merge": {"from_cart_id": OTHER_CART},
        "DELETE /carts/{cart_id}/items/{sku}": None,
        "DELETE /carts/{cart_id}": None,
    },
    "order": {
        "GET /orders/{order_id}": None,
        "PATCH /orders/{order_id}": {"shipping_address": HOME},
        "POST /orders/{order_id}/cancel": {},
    },
    "customer": {
        "GET /customers/{customer_id}": None,
        "PATCH /customers/{customer_id}": {"name": "Ada L."},
        "DELETE /customers/{customer_id}": None,
    },
    "payment": {
        "GET /payments/{payment_id}": None,
        "GET /payments/{payment_id}/refunds": None,
        "GET /payments/{payment_id}/refunds/{refund_id}": None,
    },
    "shipping": {"GET /shipments/{shipment_id}": None},
}
# All that is held of a customer, by whichever service.
GATHERED = "GET /customers/{customer_id}/export"
# A list of somebody's things, and what it may be asked for by.
LISTS = {
    "order": ("/orders", "customer_id"),
    "customer": ("/customers", "email"),
    "payment": ("/payments", "order_id"),
    "shipping": ("/shipments", "order_id"),
}
# What Ada makes, and how Bob is refused who tries to make it in her name.
MADE: dict[str, tuple[str, dict[str, Any], str]] = {
    "cart": ("/carts", {"customer_id": str(ADA)}, "invalid-request"),
    "order": ("/orders", {"customer_id": str(ADA), "cart_id": str(CART)}, "unknown-customer"),
    "customer": ("/customers", PROFILE, "email-taken"),
    "payment": ("/payments", PAYMENT, "unknown-order"),
}

WITH_THINGS = pytest.mark.parametrize("name", list(THINGS))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def peers(world: World) -> World:
    return world


@pytest.fixture
def ada(tokens: Tokens) -> dict[str, str]:
    return bearer(tokens.person("customer", subject=ADA))


@pytest.fixture
def bob(tokens: Tokens) -> dict[str, str]:
    return bearer(tokens.person("customer", subject=BOB))


@pytest.fixture
def staff(tokens: Tokens) -> dict[str, str]:
    return bearer(tokens.person("staff", subject="sam"))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_no_route_that_admits_customers_is_left_out() -> None:
    for each in SERVICES:
        page = load_app(each.folder).openapi()
        admitting = {
            f"{operation.method} {operation.path}"
            for operation in operations(page)
            if "customer" in operation.admitted
        }
        tried = set(THINGS.get(each.name, ())) | GOODS.get(each.name, set())
        tried |= {f"GET {LISTS[each.name][0]}"} if each.name in LISTS else set()
        tried |= {f"POST {MADE[each.name][0]}"} if each.name in MADE else set()
        tried |= {GATHERED} if each.name == "customer" else set()
        assert admitting == tried, each.name


@pytest.mark.parametrize("name", ["customer"])
async def test_only_who_they_are_about_has_them_gathered(
    service: httpx.AsyncClient, ada: dict[str, str], bob: dict[str, str]
) -> None:
    """Nobody brings anything here, so who may ask is told to ask again."""
    await made(await service.post("/customers", json=PROFILE, headers=ada), {})
    path, hurry = GATHERED.split()[1].format(customer_id=ADA), {"X-Request-Timeout-Ms": "400"}
    for who, status in ((bob, 404), (ada, 503)):
        answer = await service.get(path, headers={**who, **hurry})
        assert answer.status_code == status, answer.text


@WITH_THINGS
async def test_only_who_owns_a_thing_finds_it(
    name: str,
    service: httpx.AsyncClient,
    ada: dict[str, str],
    bob: dict[str, str],
    staff: dict[str, str],
) -> None:
    ids = await make_things(name, service, ada, staff)
    for operation, body in THINGS[name].items():
        method, path = operation.split()
        for who, found in ((bob, False), (ada, True)):
            answer = await service.request(method, path.format(**ids), json=body, headers=who)
            assert answer.status_code < 300 if found else answer.status_code == 404, (
                operation,
                answer.text,
            )


async def make_things(
    name: str, service: httpx.AsyncClient, ada: dict[str, str], staff: dict[str, str]
) -> dict[str, str]:
    """Something of Ada's in this service, and a refund. Returns the ids by their names in URLs."""
    ids = {"sku": "TEA", "customer_id": str(ADA), "email": PROFILE["email"]}
    if name == "cart":
        for cart in (OTHER_CART, CART):
            await made(await service.post(f"/carts/{cart}/items", json=ITEM, headers=ada), ids)
        return ids
    if name == "shipping":
        shipment = {"order_id": str(ORDER)}
        return await made(await service.post("/shipments", json=shipment, headers=staff), ids)
    path, body, _ = MADE[name]
    await made(await service.post(path, json=body, headers=ada), ids)
    if name == "payment":
        path = f"/payments/{ids['payment_id']}/refunds"
        await made(await service.post(path, json={"amount": "1.00"}, headers=staff), ids)
    return ids


async def made(answer: httpx.Response, ids: dict[str, str]) -> dict[str, str]:
    assert answer.is_success, answer.text
    ids |= {key: said for key, said in answer.json().items() if key.endswith("_id")}
    return ids


@pytest.mark.parametrize("name", list(LISTS))
async def test_lists_hold_only_what_is_the_callers(
    name: str,
    service: httpx.AsyncClient,
    ada: dict[str, str],
    bob: dict[str, str],
    staff: dict[str, str],
) -> None:
    ids = await make_things(name, service, ada, staff)
    path, name_of_filter = LISTS[name]
    for query in ({}, {name_of_filter: ids[name_of_filter]}):
        for who, count in ((ada, 1), (bob, 0), (staff, 1)):
            answer = await service.get(path, params=query, headers=who)
            assert len(answer.json()["items"]) == count, (query, answer.text)


@pytest.mark.parametrize("name", list(MADE))
async def test_nobody_makes_a_thing_in_anothers_name(
    name: str,
    service: httpx.AsyncClient,
    ada: dict[str, str],
    bob: dict[str, str],
) -> None:
    """And a key that Ada used does not get Bob her answer."""
    path, body, problem = MADE[name]
    key = {"Idempotency-Key": "the-same"}
    assert (await service.post(path, json=body, headers=ada | key)).status_code == 201
    for headers in (bob, bob | key):
        refused = await service.post(path, json=body, headers=headers)
        assert refused.json()["type"] == f"/problems/{problem}"
        assert "Idempotent-Replayed" not in refused.headers
    again = await service.post(path, json=body, headers=ada | key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")


@pytest.mark.parametrize("name", ["customer"])
async def test_who_signs_up_gets_the_id_of_their_token(
    service: httpx.AsyncClient, ada: dict[str, str], staff: dict[str, str]
) -> None:
    profile = await service.post("/customers", json=PROFILE, headers=ada)
    assert profile.json()["customer_id"] == str(ADA)
    again = await service.post("/customers", json=PROFILE | {"email": "a@b.c"}, headers=ada)
    assert again.json()["type"] == "/problems/customer-exists"
    other = await service.post("/customers", json=PROFILE | {"email": "c@d.e"}, headers=staff)
    assert other.json()["customer_id"] != str(ADA)


@pytest.mark.parametrize("name", ["cart"])
async def test_carts_are_their_makers(
    service: httpx.AsyncClient,
    ada: dict[str, str],
    bob: dict[str, str],
    staff: dict[str, str],
) -> None:
    own = (await service.post("/carts", json={}, headers=ada)).json()
    assert own["customer_id"] == str(ADA)
    nobodys = (await service.post("/carts", json={}, headers=staff)).json()
    assert nobodys["customer_id"] is None
    for cart, who, status in ((nobodys, ada, 404), (own, bob, 404), (own, staff, 200)):
        path = f"/carts/{cart['cart_id']}/items"
        assert (await service.post(path, json=ITEM, headers=who)).status_code == status
    theft = {"from_cart_id": own["cart_id"]}
    await service.post(f"/carts/{OTHER_CART}/items", json=ITEM, headers=bob)
    refused = await service.post(f"/carts/{OTHER_CART}/merge", json=theft, headers=bob)
    assert refused.json()["type"] == "/problems/unknown-cart"
    # What was deleted is nobody's, and its id may be anybody's next.
    await service.delete(f"/carts/{own['cart_id']}", headers=ada)
    path = f"/carts/{own['cart_id']}/items"
    assert (await service.post(path, json=ITEM, headers=bob)).json()["customer_id"] == str(BOB)


@pytest.mark.parametrize("name", ["order"])
async def test_an_order_gains_nobody_anothers_cart(
    service: httpx.AsyncClient, world: World, ada: dict[str, str], bob: dict[str, str]
) -> None:
    """The carts service shows order every cart: before one has an order, and after."""
    own = {"customer_id": str(BOB), "cart_id": str(CART)}
    for place in (None, {"customer_id": str(ADA), "cart_id": str(CART)}):
        if place:
            assert (await service.post("/orders", json=place, headers=ada)).status_code == 201
        refused = await service.post("/orders", json=own, headers=bob)
        assert refused.json()["type"] == "/problems/unknown-cart"
        assert "order_id" not in refused.json()
    shown = {shown.removeprefix("Bearer ") for shown in world.credentials if shown}
    told = [jwt.decode(each, options={"verify_signature": False}) for each in shown]
    assert {claims["iss"] for claims in told} == {"order"}
    assert {claims["aud"] for claims in told} == set(BY_NAME["order"].calls)
