"""A cursor says where a list goes on, never whose list it is.

Ada, Bob and the staff ask for every list, with every filter, from each place that a page gives out
and from one that none does. A customer sees what the staff see from there, less what is not theirs.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chassis.app import load_app
from chassis.lists import NEWEST, encode
from fleet.services import BY_NAME, SERVICES
from tests.access.test_owners import CARD, bearer
from tests.access.tokens import ADA, BOB, Tokens
from tests.access.world import World

Headers = dict[str, str]

# Lists of what is somebody's; which member of an item tells whose; and a made-up cursor, of a place
# before the first item.
OWNED = {
    ("order", "/orders"): ("order_id", encode(NEWEST)),
    ("customer", "/customers"): ("customer_id", encode(NEWEST)),
    ("payment", "/payments"): ("payment_id", encode(NEWEST)),
    ("payment", "/payments/{payment_id}/refunds"): ("payment_id", encode(NEWEST)),
    ("shipping", "/shipments"): ("shipment_id", encode("9999-12-31T00:00:00+00:00", NEWEST)),
}
# Lists of what is for sale.
GOODS = {("product_catalogue", "/products"), ("search", "/search")}

SUBJECTS = {"ada": ADA, "bob": BOB}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def peers(world: World) -> World:
    return world


@pytest.fixture
def callers(tokens: Tokens) -> dict[str, Headers]:
    people = {who: tokens.person("customer", subject=subject) for who, subject in SUBJECTS.items()}
    return {who: bearer(token) for who, token in people.items()} | {
        "staff": bearer(tokens.person("staff", subject="sam"))
    }


def lists(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each path of a service that takes a cursor, and its operation."""
    for path, methods in load_app(BY_NAME[name].folder).openapi()["paths"].items():
        if "cursor" in queried(methods.get("get", {})):
            yield path, methods["get"]


def queried(operation: dict[str, Any]) -> set[str]:
    """What an operation takes in its query string."""
    parameters = operation.get("parameters", ())
    return {each["name"] for each in parameters if each.get("in") == "query"}


def for_customers(operation: dict[str, Any]) -> bool:
    return any("customer" in needed.get("token", ()) for needed in operation["security"])


def test_no_list_that_admits_customers_is_left_out() -> None:
    found = {
        (service.name, path)
        for service in SERVICES
        for path, operation in lists(service.name)
        if for_customers(operation)
    }
    assert found == OWNED.keys() | GOODS


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
async def test_a_cursor_opens_no_list_of_the_staff(
    name: str, service: httpx.AsyncClient, callers: dict[str, Headers]
) -> None:
    for path, operation in lists(name):
        if not for_customers(operation):
            url = f"{path.format(sku='TEA')}?cursor={encode(NEWEST)}"
            refused = await service.get(url, headers=callers["ada"])
            assert refused.json()["type"] == "/problems/not-admitted", path


@pytest.mark.parametrize(("name", "path"), list(OWNED))
async def test_whoever_goes_on_sees_only_their_own(
    name: str, path: str, service: httpx.AsyncClient, world: World, callers: dict[str, Headers]
) -> None:
    member, made_up = OWNED[name, path]
    (filters,) = [queried(operation) for each, operation in lists(name) if each == path]
    theirs = await make_two_each(name, service, world, callers)
    for place in {path.format(payment_id=each) for ids in theirs.values() for each in ids}:
        whole, cursors = await walk(service, place, {}, callers["staff"])
        assert len(whole) > 1
        assert (await walk(service, place, {"cursor": made_up}, callers["staff"]))[0] == whole
        for query in queries(whole, filters - {"limit", "cursor"}, [made_up, *cursors]):
            all_of_it, _ = await walk(service, place, query, callers["staff"])
            for who, ids in theirs.items():
                seen, _ = await walk(service, place, query, callers[who])
                assert seen == [item for item in all_of_it if item[member] in ids], (who, query)


def queries(
    items: list[dict[str, Any]], filters: set[str], cursors: list[str]
) -> Iterator[dict[str, str]]:
    """The list from each place, and from its beginning; whole, and by what each item says of it."""
    wanted = {(name, str(item[name])) for item in items for name in filters if name in item}
    wanted |= {("paid", each) for each in ("true", "false") if "paid" in filters}
    assert {name for name, _ in wanted} == filters, "a filter that this test cannot use"
    for each in ({}, *({name: value} for name, value in sorted(wanted))):
        yield each
        yield from (each | {"cursor": cursor} for cursor in cursors)


async def walk(
    service: httpx.AsyncClient, path: str, query: dict[str, str], headers: Headers
) -> tuple[list[dict[str, Any]], list[str]]:
    """All items of a list, asked for one by one, and the cursors between them. There are none of a
    thing that is not found."""
    items: list[dict[str, Any]] = []
    cursors: list[str] = []
    while True:
        answer = await service.get(path, params={**query, "limit": "1"}, headers=headers)
        if answer.status_code == 404:
            return [], []
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items, cursors
        cursors.append(page["next_cursor"])
        query = query | {"cursor": page["next_cursor"]}


async def make_two_each(
    name: str, service: httpx.AsyncClient, world: World, callers: dict[str, Headers]
) -> dict[str, set[str]]:
    """Things of Ada's and of Bob's, in turn. Returns the ids of each. Who has an account has one:
    of customers there are two strangers instead."""
    theirs: dict[str, set[str]] = {"ada": set(), "bob": set()}
    for who in ("ada", "bob", "ada", "bob"):
        strange = name == "customer" and theirs[who]
        headers = callers["staff" if strange or name == "shipping" else who]
        path, body, member = thing(name, SUBJECTS[who], world)
        made = await service.post(path, json=body, headers=headers)
        assert made.status_code == 201, made.text
        if not strange:
            theirs[who].add(made.json()[member])
        if name == "payment":
            await refund_twice(service, made.json()["payment_id"], callers["staff"])
    return theirs


def thing(name: str, whose: UUID, world: World) -> tuple[str, dict[str, Any], str]:
    """Where somebody's thing is made, of what, and the name of its id."""
    about = str(uuid4())
    world.owners[about] = whose
    payment = {"order_id": about, "amount": "6.90", "currency": "EUR", "method": CARD}
    things: dict[str, tuple[str, dict[str, Any], str]] = {
        "order": ("/orders", {"customer_id": str(whose), "cart_id": about}, "order_id"),
        "customer": ("/customers", {"email": f"{about}@example.org", "name": "N"}, "customer_id"),
        "payment": ("/payments", payment, "payment_id"),
        "shipping": ("/shipments", {"order_id": about}, "shipment_id"),
    }
    return things[name]


async def refund_twice(service: httpx.AsyncClient, payment_id: str, headers: Headers) -> None:
    for _ in range(2):
        path = f"/payments/{payment_id}/refunds"
        assert (await service.post(path, json={"amount": "1.00"}, headers=headers)).is_success
