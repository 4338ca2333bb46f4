"""What strangers send, to every operation of every service: refused, or taken and kept as it is."""

import copy
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from chassis.app import ServiceApp
from conftest import run_sql, with_database
from fleet.services import SERVICES
from tests.fuzz.fleet import Answer, ask, in_process
from tests.fuzz.requests import Request
from tests.fuzz.run import fuzz, wrongs
from tests.fuzz.values import TEXTS, Values
from tests.fuzz.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
EVERY = pytest.mark.parametrize("service", [service.name for service in SERVICES])

JSON = (("Content-Type", b"application/json"),)
MARK = "a mark that no value has"

# Put in the place of a number as they stand: Python's own JSON would not say some of them.
NO_NUMBERS = (
    "true", '"7"', "1.5", "NaN", "Infinity", "-Infinity", "1e400", "-1", str(2**31), str(2**63),
    "9" * 5000, "[1]", '{"a": 1}', '"NaN"',
)  # fmt: skip
NO_AMOUNTS = (
    "true", "NaN", "-Infinity", "1e400", '"1e400"', '"NaN"', "-1", '"0.0005"', '"1,00"', '"0x10"',
    '"\uff11\uff12"', '"99999999999.99"', "9" * 5000, "[]", '" 1.00"',
)  # fmt: skip
NO_TEXTS = (
    "7", "true", "[]", "{}", '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"  "', '"\\u0007"',
    '"' + "x" * 20_000 + '"',
)  # fmt: skip
NO_FLAGS = ("7", '"true"', "0", "[]", "{}", "NaN")
AMOUNTS = frozenset({"price", "amount"})


@dataclass
class Shop:
    apps: dict[str, ServiceApp]
    world: World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(postgres: str) -> AsyncIterator[Shop]:
    await run_sql(postgres, "CREATE DATABASE hostile")
    async with in_process(with_database(postgres, "hostile")) as apps:
        world = World(apps)
        await world.make()
        yield Shop(apps, world)
    await run_sql(postgres, "DROP DATABASE hostile WITH (FORCE)")


@EVERY
async def test_generated_requests(shop: Shop, service: str) -> None:
    """A few hundred of what `make fuzz` sends by the hundred thousand."""
    report = await fuzz(shop.apps[service], shop.world.answers, requests=150, seed=2026)
    assert report.failures == []
    assert len(report.successes) >= 4


@dataclass(frozen=True)
class Operation:
    """One that takes a body, with a body that it would take."""

    method: str
    path: str
    body: dict[str, Any]
    answer: dict[str, Any]


def operations(shop: Shop, service: str) -> Iterator[Operation]:
    document = shop.apps[service].openapi()
    values = Values(document, seed=1)
    for answer in shop.world.answers:
        values.remember(answer)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for parameter in operation["parameters"]:
                if parameter.get("in") == "path":
                    value = named(values, parameter)
                    path = path.replace(f"{{{parameter['name']}}}", value)
            body = values.of("body", schema, 0)
            if isinstance(body, dict):
                yield Operation(method.upper(), path, body, members(document, operation))


def named(values: Values, parameter: Any) -> str:
    """One that a path can be made with: what is left out is empty, now and then."""
    while not (value := values.of(parameter["name"], parameter["schema"], 0)):
        pass
    return str(value)


def members(document: Any, operation: Any) -> dict[str, Any]:
    """Of what it answers with success."""
    for status in ("200", "201"):
        told = operation["responses"].get(status, {}).get("content", {})
        reference = told.get("application/json", {}).get("schema", {}).get("$ref", "")
        if reference:
            found = document["components"]["schemas"][reference.rpartition("/")[2]]
            return dict(found.get("properties", {}))
    return {}


async def send(shop: Shop, service: str, operation: Operation, raw: str) -> Answer:
    request = Request(
        "", operation.method, operation.path, JSON, raw.encode("utf-8", "surrogatepass")
    )
    answer = await ask(shop.apps[service], request)
    assert list(wrongs(answer)) == [], f"{answer.body[:300]!r} to {request}"
    return answer


def replaced(body: Any) -> Iterator[tuple[str, Any, str]]:
    """The body with a mark in the place of each of its values, that value, and its name."""
    for name, value in body.items() if isinstance(body, dict) else ():
        marked = copy.deepcopy(body)
        marked[name] = MARK
        if isinstance(value, dict):
            for inner, old, inner_name in replaced(value):
                nested = copy.deepcopy(body)
                nested[name] = json.loads(inner)
                yield json.dumps(nested), old, inner_name
        elif not isinstance(value, list):
            yield json.dumps(marked), value, name


def unfit(name: str, value: Any) -> tuple[str, ...]:
    """What may not stand in the place of this value."""
    if name in AMOUNTS:
        return NO_AMOUNTS
    if isinstance(value, bool):
        return NO_FLAGS
    if isinstance(value, int):
        return tuple(each for each in NO_NUMBERS if name != "delta" or each != "-1")
    # What is empty counts as left out, whatever it would be of.
    return NO_TEXTS if isinstance(value, str) and value else ()


@EVERY
async def test_no_value_of_another_kind_is_taken(shop: Shop, service: str) -> None:
    """In each place of each body: nothing is guessed, rounded, cut or broken by it."""
    for operation in operations(shop, service):
        for marked, value, name in replaced(operation.body):
            for raw in unfit(name, value):
                answer = await send(shop, service, operation, marked.replace(f'"{MARK}"', raw))
                assert answer.status in (404, 413, 422), (operation, name, raw[:40], answer.body)


@EVERY
async def test_nothing_is_assigned_that_is_not_asked_for(shop: Shop, service: str) -> None:
    """What an answer tells (a status, a total, an owner) is not taken from a body."""
    guesses = {"status", "paid", "role", "is_admin", "version", "created_at", "__proto__", "_id"}
    for operation in operations(shop, service):
        for name in ({*operation.answer} | guesses) - taken(shop, service, operation):
            body = operation.body | {name: "x"}
            answer = await send(shop, service, operation, json.dumps(body))
            assert answer.status == 422, (operation, name, answer.body)
            pointers = [each["pointer"] for each in answer.json()["errors"]]
            assert f"#/{name}" in pointers, (operation, name, answer.body)


def taken(shop: Shop, service: str, operation: Operation) -> set[str]:
    """The members that the operation declares."""
    document = shop.apps[service].openapi()
    names: set[str] = set()
    for path, methods in document["paths"].items():
        found = methods.get(operation.method.lower())
        same = path.count("/") == operation.path.count("/") and "requestBody" in (found or {})
        if same and path.split("/")[1] == operation.path.split("/")[1]:
            schema = str(found["requestBody"]["content"]["application/json"]["schema"])
            for name, each in document["components"]["schemas"].items():
                if f"/schemas/{name}'" in schema:
                    names |= set(each.get("properties", {}))
    return names


@EVERY
async def test_parameters_are_values_and_never_sql(shop: Shop, service: str) -> None:
    """In each query parameter and each part of each path."""
    document = shop.apps[service].openapi()
    for path, methods in document["paths"].items():
        operation = methods.get("get")
        for parameter in (operation or {}).get("parameters", ()):
            if parameter.get("in") not in ("path", "query"):
                continue
            name = parameter["name"]
            for text in TEXTS:
                value = quote(text, safe="", errors="surrogatepass") or "%20"
                inside = path.replace(f"{{{name}}}", value)
                target = inside if inside != path else f"{path}?{name}={value}"
                answer = await ask(shop.apps[service], Request("", "GET", target, (), b""))
                assert answer.status in (200, 404, 422), (target, answer.body[:300])


async def test_filters_that_look_like_sql_find_nothing(shop: Shop) -> None:
    for service, target in (
        ("customer", "/customers?email=%25%40example.org"),
        ("customer", "/customers?email=" + quote("' OR '1'='1")),
        ("product_catalogue", "/products?category=%25"),
        ("product_catalogue", "/products?sku=SKU-%25"),
        ("search", "/search?q=%25&category=_"),
        ("search", "/suggest?q=%25"),
    ):
        answer = await ask(shop.apps[service], Request("", "GET", target, (), b""))
        if answer.status == 200:
            told = answer.json()
            assert not told.get("items", told.get("suggestions")), (target, told)


WRITTEN = (
    "zero\u200dwidth\u200cjoiner", "\U0001f469\u200d\U0001f467 \U0001d54f",
    "'; DROP TABLE x; --", "%_\\", "<b>&amp;</b>", "=1+1", "{{7*7}}", "${jndi:ldap://x}",
)  # fmt: skip
# In the one form in which text is kept.
KEPT = {text: text for text in WRITTEN} | {
    "Cafe\u0301 et cre\u0300me": "Caf\u00e9 et cr\u00e8me",
    "\u202eright to left\u202c": "right to left",
    "  trimmed\u00ad\ufeff ": "trimmed",
}


async def test_text_is_kept_as_it_was_written(shop: Shop) -> None:
    """Whatever another program might take it for."""
    for number, (text, kept) in enumerate(KEPT.items()):
        product = {"sku": f"TEXT-{number}", "name": text, "price": "1.00", "currency": "EUR"}
        raw = json.dumps(product, ensure_ascii=False).encode()
        made = await ask(
            shop.apps["product_catalogue"], Request("", "POST", "/products", JSON, raw)
        )
        assert made.status == 201, made.body
        target = f"/products/TEXT-{number}"
        found = await ask(shop.apps["product_catalogue"], Request("", "GET", target, (), b""))
        assert found.json()["name"] == kept
