"""The floor does what the fleet does: only then does it say what the rest costs."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest

from bench.catalogue import World
from bench.counts import Statement, forget, statements, switch_counting
from bench.operations import ITEMS, OPERATIONS, Operation
from bench.rounds import FASTAPI
from bench.stand import FLEET, FLOOR, Stand, stand
from bench.wire import Client
from tests import ports

# By PostgreSQL's number.
Statements = dict[int, Statement]

TIMES = 2
PRODUCTS = 60
# A sweep comes once a second, and a count takes some hundredths of one.
ATTEMPTS = 5

# What services do by themselves, now and then.
SWEEPS = (
    "SKIP LOCKED",
    "_idempotency_keys",
    "ORDER BY order_id DESC",
    "AS refund_id",
    "subject_requests",
    "customer.to_erase",
    "email_key ~",
    "cart_id = ANY",
)
# What asyncpg does when a new connection meets a type.
INTROSPECTION = ("typeinfo", "set_config")
# Those that open a unit of work each time.
UNITS = re.compile(r"(UPDATE warehouse\.reservations |FROM cart\.carts).*SKIP LOCKED", re.DOTALL)

# What no two answers have in common.
OWN = re.compile(
    r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|SP[0-9A-Z]{13}"
)


# They share one stand, so they go to one test process.
pytestmark = pytest.mark.xdist_group("bench")


@pytest.fixture(scope="module")
def small_stand() -> Iterator[Stand]:
    with (
        TemporaryDirectory() as folder,
        ports.reserved() as base,
        stand(Path(folder, "stand"), base, PRODUCTS, durable=False) as running,
    ):
        yield running


def statements_of(stand: Stand, target: str, urls: dict[str, str]) -> dict[str, Statements]:
    """By operation: what each runs in the target's database, and how often."""
    for _ in range(ATTEMPTS):
        counted = count_all(stand, target, urls)
        if not any(cuts_a_unit(each) for each in counted.values()):
            return {name: without_sweeps(each) for name, each in counted.items()}
    raise AssertionError(f"{ATTEMPTS} times a sweep was at work where one count ends")


def count_all(stand: Stand, target: str, urls: dict[str, str]) -> dict[str, list[Statement]]:
    found, made = {}, dict[str, list[Any]]()
    for name, operation in OPERATIONS.items():
        forget(stand)
        made[name] = asyncio.run(done(operation, urls, stand.world, made))
        found[name] = statements(stand, target)
    return found


def cuts_a_unit(found: list[Statement]) -> bool:
    """Whether a unit of work, so a sweep's, lies partly outside what was counted."""
    begun, ended = (calls_of_text(text, found) for text in ("BEGIN", "COMMIT"))
    return begun != ended


def calls_of_text(text: str, found: list[Statement]) -> int:
    return sum(each.calls for each in found if each.text == text)


async def done(
    operation: Operation, urls: dict[str, str], world: World, made: dict[str, list[Any]]
) -> list[Any]:
    """What an operation makes, done a few times without idempotency keys, which the floor knows
    nothing of."""
    times = TIMES * ITEMS if operation.name == "cart add" else TIMES
    makes = operation.inputs
    inputs = makes(world, Random(1), 1) if makes else iter(made[operation.after or ""])
    with closing(Client(urls, keyed=False)) as client:
        outputs = [await operation.work(client, each) for each in islice(inputs, times)]
    return [output for output in outputs if output is not None]


def without_sweeps(found: list[Statement]) -> Statements:
    units = sum(each.calls for each in found if UNITS.search(each.text))
    kept = {}
    for each in found:
        if each.text in ("BEGIN", "COMMIT"):
            each = replace(each, calls=each.calls - units)
        if each.calls and not any(mark in each.text for mark in (*SWEEPS, *INTROSPECTION)):
            kept[each.number] = each
    return kept


def test_floor_runs_the_same_statements(small_stand: Stand) -> None:
    switch_counting(small_stand, on=True)
    fleet = statements_of(small_stand, FLEET, small_stand.fleet.urls)
    floor = statements_of(small_stand, FLOOR, small_stand.floor.urls)
    for name in OPERATIONS:
        ours, theirs = fleet[name], floor[name]
        differing = [
            (each.text, calls_of(number, ours), calls_of(number, theirs))
            for number, each in (ours | theirs).items()
            if calls_of(number, ours) != calls_of(number, theirs)
        ]
        assert differing == [], f"{name}: (statement, fleet, floor)"


def calls_of(number: int, statements: Statements) -> int:
    return statements[number].calls if number in statements else 0


async def test_floor_answers_alike(small_stand: Stand) -> None:
    with clients(small_stand) as (fleet, floor):
        expected = await answers(fleet, small_stand.world)
        assert await answers(floor, small_stand.world) == expected


async def test_plain_fastapi_answers_as_the_catalogue_does(small_stand: Stand) -> None:
    path = f"/products/{small_stand.world.skus[0]}"
    with clients(small_stand) as (fleet, floor):
        expected = await got(fleet, "product_catalogue", path)
        assert await got(floor, FASTAPI, path) == expected


@contextmanager
def clients(stand: Stand) -> Iterator[tuple[Client, Client]]:
    """Of the fleet, and of the floor."""
    with closing(Client(stand.fleet.urls)) as fleet, closing(Client(stand.floor.urls)) as floor:
        yield fleet, floor


async def answers(client: Client, world: World) -> list[Any]:
    """A look around and a purchase. The client judges each status."""
    first, second = world.skus[:2]
    cart = await client.post("cart", "/carts", {}, "cart")
    path = f"/carts/{cart['cart_id']}"
    items = [{"sku": sku, "quantity": 2} for sku in (first, second, first)]
    filled = [
        await client.post("cart", f"{path}/items", item, str(n), 200)
        for n, item in enumerate(items)
    ]
    new = {"customer_id": world.customers[0], "cart_id": cart["cart_id"]}
    order = await client.post("order", "/orders", new, "order")
    charge = {name: order[name] for name in ("order_id", "currency")} | {"amount": order["total"]}
    card = {"method": {"type": "card", "token": "tok_ok"}}
    order_id = {"order_id": order["order_id"]}
    made = [
        await client.post("payment", "/payments", charge | card, "payment"),
        await client.post("transaction", "/transactions", charge, "entry"),
        await client.post("fulfilment", "/fulfilments", order_id, "job"),
    ]
    looked_at = [
        await got(client, "product_catalogue", f"/products/{first}"),
        await got(client, "product_catalogue", f"/products?sku={second}&sku={first}"),
        await got(client, "search", f"/search?q={quote(world.searches[0])}&limit=20"),
        await got(client, "customer", f"/customers/{world.customers[0]}"),
        await got(client, "cart", path),
        *[
            await got(client, "order", f"/orders/{order['order_id']}{view}")
            for view in ("", "/payable", "/fulfillable", "/shippable")
        ],
    ]
    return [comparable(each) for each in (cart, *filled, order, *made, *looked_at)]


async def got(client: Client, service: str, path: str) -> Any:
    return comparable(json.loads(await client.get(service, path)))


def comparable(value: Any) -> Any:
    """A body without the ids, times and numbers that are its own."""
    if isinstance(value, dict):
        return {name: comparable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    return OWN.sub("…", value) if isinstance(value, str) else value
