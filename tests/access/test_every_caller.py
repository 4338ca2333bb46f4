"""Every route of every service, tried by every kind of caller.

The routes come from the OpenAPI pages, and so does whom each admits: a role or a service that the
page does not name is refused, whatever else it may do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from chassis.app import load_app
from fleet.services import BY_NAME, ROOT, SERVICES
from tests.access.tokens import Tokens
from tests.access.world import World

NAMES = [service.name for service in SERVICES]
EVERY = pytest.mark.parametrize("name", NAMES)

# Served to whoever can reach them: they tell how a service fares, and what it could do.
OPEN = {
    "/livez",
    "/readyz",
    "/metrics",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/docs/assets",
    "/problems",
    "/problems/{slug}",
}

SPOILT, PEOPLE = 16, 4


@pytest.fixture
def peers() -> World:
    return World()


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    admitted: frozenset[str]

    @property
    def url(self) -> str:
        return re.sub(r"\{[^}]+\}", "0190b6a8-7a63-7000-8000-000000000000", self.path)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path not in OPEN:
                (needed,) = operation["security"]
                yield Operation(method.upper(), path, frozenset(needed["token"]))


def callers_of(name: str) -> set[str]:
    """The services that call this one."""
    return {service.name for service in SERVICES if name in service.calls}


def people(tokens: Tokens) -> dict[str, str]:
    return {
        "customer": tokens.person("customer"),
        "staff": tokens.person("staff"),
        "admin": tokens.person("admin"),
        "nobody in particular": tokens.person(),
    }


@EVERY
async def test_every_route_by_every_caller(
    name: str, service: httpx.AsyncClient, tokens: Tokens
) -> None:
    page = (await service.get("/openapi.json")).json()
    spoilt = tokens.not_believed(name, min(callers_of(name), default="cart"))
    found = list(operations(page))
    tried = 0
    for operation in found:
        tried += await try_strangers(service, operation, spoilt)
        tried += await try_people(service, operation, people(tokens))
        tried += await try_services(service, operation, name, tokens)
    assert tried == len(found) * (1 + SPOILT + PEOPLE + len(SERVICES))
    assert len(found) == len(list(routes_of(name)))


async def try_strangers(
    service: httpx.AsyncClient, operation: Operation, spoilt: dict[str, str]
) -> int:
    answer = await ask(service, operation, None)
    assert answer.json()["type"] == "/problems/unauthenticated", operation
    assert answer.headers["www-authenticate"] == "Bearer"
    for what, token in spoilt.items():
        answer = await ask(service, operation, token)
        assert answer.status_code == 401, (operation, what, answer.text)
        assert answer.json()["type"] == "/problems/invalid-token"
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    return 1 + len(spoilt)


async def try_people(
    service: httpx.AsyncClient, operation: Operation, roles: dict[str, str]
) -> int:
    for role, token in roles.items():
        answer = await ask(service, operation, token)
        if role in operation.admitted:
            assert answer.status_code not in (401, 403), (operation, role, answer.text)
        else:
            assert answer.json()["type"] == "/problems/not-admitted", (operation, role)
            assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    return len(roles)


async def try_services(
    service: httpx.AsyncClient, operation: Operation, name: str, tokens: Tokens
) -> int:
    known = callers_of(name)
    for caller in BY_NAME:
        answer = await ask(service, operation, tokens.service(caller, name))
        if f"service:{caller}" in operation.admitted:
            assert answer.status_code not in (401, 403), (operation, caller, answer.text)
        else:
            # The key of one that never calls is not even there.
            assert answer.status_code == (403 if caller in known else 401), (operation, caller)
    return len(BY_NAME)


async def ask(
    service: httpx.AsyncClient, operation: Operation, token: str | None
) -> httpx.Response:
    """With half a body, which nobody is told who is not let in."""
    headers = {"content-type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await service.request(
        operation.method, operation.url, content=b'{"half": ', headers=headers
    )


def routes_of(name: str) -> Iterator[tuple[str, str]]:
    """What is really served, on the page or not, and not open."""
    app = load_app(BY_NAME[name].folder)
    for route in app.routes:
        for each in getattr(getattr(route, "original_router", None), "routes", [route]):
            if each.path not in OPEN:
                assert each.admitted, f"{each.path} admits whoever comes"
                yield from ((method, each.path) for method in each.methods)


@EVERY
async def test_nobody_does_in_person_what_services_tell_each_other(
    name: str, service: httpx.AsyncClient, tokens: Tokens
) -> None:
    """An admin could mark an order paid, and no money had moved."""
    page = (await service.get("/openapi.json")).json()
    admin = tokens.person("customer", "staff", "admin")
    inner = [
        each for each in operations(page) if not each.admitted & {"customer", "staff", "admin"}
    ]
    assert bool(inner) == (name in ("cart", "order", "customer", "warehouse"))
    for operation in inner:
        answer = await ask(service, operation, admin)
        assert answer.json()["type"] == "/problems/not-admitted", operation
    for operation in operations(page):
        assert "admin" in operation.admitted or operation in inner


@pytest.mark.parametrize("name", ["order"])
async def test_a_service_brings_its_own_part_of_an_export(
    service: httpx.AsyncClient, tokens: Tokens
) -> None:
    for caller, holder, status in (
        ("payment", "shipping", 403),
        ("shipping", "payment", 403),
        ("payment", "payment", 204),
        ("shipping", "shipping", 204),
    ):
        answer = await service.put(
            f"/subject-requests/1/{holder}",
            json={"held": []},
            headers={"Authorization": f"Bearer {tokens.service(caller, 'order')}"},
        )
        assert answer.status_code == status, (caller, holder, answer.text)


@EVERY
async def test_operations_need_no_token(name: str, service: httpx.AsyncClient) -> None:
    for path in sorted(OPEN - {"/docs/assets"}):
        assert (await service.get(path.format(slug="not-found"))).status_code == 200, (name, path)


@EVERY
def test_the_services_that_a_route_admits_are_those_that_call(name: str) -> None:
    """By the graph: no route admits one that has no edge to it, and each edge is of some use."""
    page = load_app(BY_NAME[name].folder).openapi()
    admitted = frozenset[str]().union(*(each.admitted for each in operations(page)))
    services = {part for part in admitted if part.startswith("service:")}
    assert services == {f"service:{caller}" for caller in callers_of(name)}


# Calls that the recorded purchases have no need of: payment's sweep looks for cancelled orders, and
# goods that have left come back when the order cannot be shipped after all.
SELDOM = {
    "payment>order/GET-cancelled-payments",
    "fulfilment>warehouse/POST-reservations-id-return",
    "order>customer/GET-subject-requests",
    "order>customer/PUT-subject-requests-id-id",
    "payment>order/GET-subject-requests",
    "payment>order/PUT-subject-requests-id-id",
    "shipping>order/GET-subject-requests",
    "shipping>order/PUT-subject-requests-id-id",
}


def test_the_services_that_a_route_admits_really_call_it() -> None:
    """As the crash points have recorded: whom a route admits in vain could do harm there."""
    events = (ROOT / "tests/faults/crash_points/events.txt").read_text()
    recorded = set(re.findall(r"\b(\w+>\w+/[A-Z]+-[a-z-]+)", events))
    called = {call for call in recorded if not call.startswith("client>")}
    admitted = {
        f"{part.removeprefix('service:')}>{callee.name}/{operation.method}-{as_recorded(operation)}"
        for callee in SERVICES
        for operation in operations(load_app(callee.folder).openapi())
        for part in operation.admitted
        if part.startswith("service:")
    }
    assert admitted == called | SELDOM


def as_recorded(operation: Operation) -> str:
    return re.sub(r"\{[^}]+\}", "id", operation.path.strip("/")).replace("/", "-")
