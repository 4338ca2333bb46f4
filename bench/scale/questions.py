"""What is asked of a world of any size: by key, as lists at both ends, and in words.

Each question is many requests of one kind, about things picked at random.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle
from random import Random
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlencode

import asyncpg

from chassis.lists import encode
from searchService.app.queries import Parts, Question

from ..catalogue import NAMES, World
from ..operations import OPERATIONS, Operation
from ..wire import Client

KEY, LIST, WORDS = "by key", "list", "search"
# How many times as long each may take in the largest world as in the smallest.
BOUNDS = {KEY: 1.3, LIST: 2.0, WORDS: 2.0}

PICKED, SAMPLED = 500, 20_000

PICK = """
SELECT {columns} FROM {table} TABLESAMPLE SYSTEM (least(100, 100.0 * $1 / (
           SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = '{table}'::regclass)))
 WHERE {condition} ORDER BY random() LIMIT $2
"""


class Bought(NamedTuple):
    """In a generated world all of a purchase has one id."""

    id: str
    customer: str
    at: str


class Good(NamedTuple):
    sku: str
    name: str
    price: str
    category: str

    @property
    def maker(self) -> str:
        return self.name.split()[0].lower()


class Customer(NamedTuple):
    id: str
    email: str


class Picked(NamedTuple):
    bought: list[Bought]
    goods: list[Good]
    customers: list[Customer]


async def pick(db: asyncpg.Connection) -> Picked:
    async def some(columns: str, table: str, condition: str = "true") -> list[asyncpg.Record]:
        query = PICK.format(columns=columns, table=table, condition=condition)
        return await db.fetch(query, SAMPLED, PICKED)

    bought = await some(
        "order_id::text, customer_id::text, created_at::text",
        "orders.orders",
        "status IN ('fulfilled', 'refunded')",
    )
    goods = await some("sku, name, price::text, category", "search.index", "price IS NOT NULL")
    customers = await some("customer_id::text, email", "customer.customers", "erased_at IS NULL")
    return Picked(
        [Bought(*row) for row in bought],
        [Good(*row) for row in goods],
        [Customer(*row) for row in customers],
    )


def world(picked: Picked) -> World:
    return World([each.sku for each in picked.goods], [each.id for each in picked.customers], [])


Ask: TypeAlias = Callable[[Picked, Random], str]


class Asked(NamedTuple):
    """A kind of question: `path` makes one of them."""

    kind: str
    service: str
    path: Ask


def _of_purchase(path: str) -> Ask:
    return lambda picked, chance: path.format(chance.choice(picked.bought).id)


def _of_product(path: str) -> Ask:
    return lambda picked, chance: path.format(chance.choice(picked.goods).sku)


def _of_customer(path: str) -> Ask:
    return lambda picked, chance: path.format(chance.choice(picked.customers).id)


def _from(path: str) -> Ask:
    """A page from somewhere in a list of purchases, by whatever id."""
    return lambda picked, chance: path + _cursor(chance.choice(picked.bought).id)


def _cursor(*position: Any) -> str:
    return f"cursor={encode(*position)}"


def _search(sort: str = "relevance", **filters: Any) -> Callable[[Ask], Ask]:
    """A search for the words that the other one makes."""
    query = urlencode({"limit": 20, "sort": sort, **filters})
    return lambda words: (
        lambda picked, chance: f"/search?{query}&{urlencode({'q': words(picked, chance)})}"
    )


def _search_from(sort: Any, place: Callable[[Good], str]) -> Ask:
    question = Question("", None, None, None, None, sort)

    def path(picked: Picked, chance: Random) -> str:
        good = chance.choice(picked.goods)
        cursor = _cursor(question.fingerprint(), *Parts(), place(good), good.sku)
        return f"/search?limit=20&sort={sort}&{cursor}"

    return path


def rare(picked: Picked, chance: Random) -> str:
    """Twenty products have it, however many there are."""
    return chance.choice(picked.goods).maker


def common(_: Picked, chance: Random) -> str:
    """One product in twenty-five has it."""
    return chance.choice(THINGS).lower()


def everywhere(_: Picked, __: Random) -> str:
    return "lovely"


def two_common(picked: Picked, chance: Random) -> str:
    return f"{chance.choice(STYLES).lower()} {common(picked, chance)}"


def rare_and_common(picked: Picked, chance: Random) -> str:
    return f"{rare(picked, chance)} {common(picked, chance)}"


def begun(picked: Picked, chance: Random) -> str:
    """A word not typed to its end."""
    return common(picked, chance)[:-1]


def begun_rare(picked: Picked, chance: Random) -> str:
    return rare(picked, chance)[:-2]


def misspelt(picked: Picked, chance: Random) -> str:
    word = common(picked, chance)
    return word[0] + word[2] + word[1] + word[3:]


def misspelt_rare(picked: Picked, chance: Random) -> str:
    word = rare(picked, chance)
    return word[:2] + word[3] + word[2] + word[4:]


STYLES, _MATERIALS, THINGS = NAMES
CATALOGUE, SHIPPING = "product_catalogue", "shipping"

ASKED: Mapping[str, Asked] = {
    "read product": Asked(KEY, CATALOGUE, _of_product("/products/{}")),
    "read customer": Asked(KEY, "customer", _of_customer("/customers/{}")),
    "read customer by e-mail": Asked(
        KEY, "customer", lambda p, c: f"/customers?email={c.choice(p.customers).email}"
    ),
    "read cart": Asked(KEY, "cart", _of_purchase("/carts/{}")),
    "read order": Asked(KEY, "order", _of_purchase("/orders/{}")),
    "read payment": Asked(KEY, "payment", _of_purchase("/payments/{}")),
    "read payment by order": Asked(KEY, "payment", _of_purchase("/payments?order_id={}")),
    "read ledger entry": Asked(KEY, "transaction", _of_purchase("/transactions/{}")),
    "read ledger by order": Asked(KEY, "transaction", _of_purchase("/transactions?order_id={}")),
    "read balance": Asked(KEY, "transaction", _of_purchase("/balances/{}")),
    "read stock": Asked(KEY, "warehouse", _of_product("/stock/{}")),
    "read reservation": Asked(KEY, "warehouse", _of_purchase("/reservations/{}")),
    "read job": Asked(KEY, "fulfilment", _of_purchase("/fulfilments/{}")),
    "read job by order": Asked(KEY, "fulfilment", _of_purchase("/fulfilments?order_id={}")),
    "read shipment": Asked(KEY, SHIPPING, _of_purchase("/shipments/{}")),
    "read shipment by order": Asked(KEY, SHIPPING, _of_purchase("/shipments?order_id={}")),
    "products": Asked(LIST, CATALOGUE, lambda _, __: "/products?"),
    "products, deep": Asked(
        LIST, CATALOGUE, lambda p, c: f"/products?{_cursor(c.choice(p.goods).sku)}"
    ),
    "products of a category": Asked(
        LIST, CATALOGUE, lambda p, c: f"/products?category={c.choice(p.goods).category}"
    ),
    "products of a category, deep": Asked(
        LIST,
        CATALOGUE,
        lambda p, c: (
            f"/products?category={c.choice(p.goods).category}&{_cursor(c.choice(p.goods).sku)}"
        ),
    ),
    "customers": Asked(LIST, "customer", lambda _, __: "/customers?"),
    "customers, deep": Asked(
        LIST, "customer", lambda p, c: f"/customers?{_cursor(c.choice(p.customers).id)}"
    ),
    "orders": Asked(LIST, "order", lambda _, __: "/orders?"),
    "orders, deep": Asked(LIST, "order", _from("/orders?")),
    "orders of a customer": Asked(
        LIST, "order", lambda p, c: f"/orders?customer_id={c.choice(p.bought).customer}"
    ),
    "orders of a customer by status": Asked(
        LIST,
        "order",
        lambda p, c: f"/orders?customer_id={c.choice(p.bought).customer}&status=fulfilled",
    ),
    "orders by status": Asked(LIST, "order", lambda _, __: "/orders?status=pending"),
    "orders by status, deep": Asked(LIST, "order", _from("/orders?status=pending&")),
    "orders that are paid and cancelled": Asked(
        LIST, "order", lambda _, __: "/orders?status=cancelled&paid=true"
    ),
    "payments of cancelled orders": Asked(LIST, "order", lambda _, __: "/cancelled-payments?"),
    "payments, deep": Asked(LIST, "payment", _from("/payments?")),
    "ledger, deep": Asked(LIST, "transaction", _from("/transactions?")),
    "shipments": Asked(LIST, SHIPPING, lambda _, __: "/shipments?"),
    "shipments, deep": Asked(
        LIST,
        SHIPPING,
        lambda p, c: f"/shipments?{_cursor(*reversed(c.choice(p.bought)[::2]))}",
    ),
    "shipments by status, deep": Asked(
        LIST,
        SHIPPING,
        lambda p, c: f"/shipments?status=delivered&{_cursor(*reversed(c.choice(p.bought)[::2]))}",
    ),
    "jobs, deep": Asked(LIST, "fulfilment", _from("/fulfilments?")),
    "jobs by status, deep": Asked(LIST, "fulfilment", _from("/fulfilments?status=completed&")),
    "movements": Asked(LIST, "warehouse", _of_product("/stock/{}/movements")),
    "search: rare word": Asked(WORDS, "search", _search()(rare)),
    "search: common word": Asked(WORDS, "search", _search()(common)),
    "search: word that all have": Asked(WORDS, "search", _search()(everywhere)),
    "search: two common words": Asked(WORDS, "search", _search()(two_common)),
    "search: rare and common word": Asked(WORDS, "search", _search()(rare_and_common)),
    "search: word not typed to its end": Asked(WORDS, "search", _search()(begun)),
    "search: rare word not typed to its end": Asked(WORDS, "search", _search()(begun_rare)),
    "search: misspelt": Asked(WORDS, "search", _search()(misspelt)),
    "search: misspelt, rare": Asked(WORDS, "search", _search()(misspelt_rare)),
    "search: SKU not typed to its end": Asked(
        WORDS, "search", _search()(lambda p, c: c.choice(p.goods).sku[:-1].lower())
    ),
    "search: SKU and common word": Asked(
        WORDS, "search", _search()(lambda p, c: f"{c.choice(p.goods).sku} {common(p, c)}")
    ),
    "search: two words written as one": Asked(
        WORDS, "search", _search()(lambda p, c: two_common(p, c).replace(" ", ""))
    ),
    "search: common word, by price": Asked(WORDS, "search", _search("price")(common)),
    "search: common word, by name": Asked(WORDS, "search", _search("name")(common)),
    "search: common word, filtered": Asked(
        WORDS,
        "search",
        _search(category="Oak", min_price=20, max_price=90, in_stock="true")(common),
    ),
    "search: by price, deep": Asked(WORDS, "search", _search_from("price", lambda g: g.price)),
    "search: by name, deep": Asked(WORDS, "search", _search_from("name", lambda g: g.name.lower())),
    "search: sold out, by price": Asked(
        WORDS, "search", _search("price", in_stock="false")(lambda _, __: "")
    ),
    "search: of a category": Asked(
        WORDS, "search", _search("price", category="Oak", min_price=400)(lambda _, __: "")
    ),
    "suggestions": Asked(WORDS, "search", lambda p, c: f"/suggest?q={common(p, c)[:3]}"),
}

BUYING = ("50 SKUs in a batch", "cart add", "order", "payment", "ledger entry", "fulfilment")


def kind_of(operation: str) -> str:
    """What is written, and what is bought, is found by key."""
    return ASKED[operation].kind if operation in ASKED else KEY


def operations(picked: Picked) -> dict[str, Operation]:
    """All that is measured, as the load generator knows it."""
    chance = Random(3)
    buying = {name: OPERATIONS[name] for name in BUYING}
    reading = {name: _reading(name, asked, picked, chance) for name, asked in ASKED.items()}
    return {**reading, **buying}


def _reading(name: str, asked: Asked, picked: Picked, chance: Random) -> Operation:
    paths = [asked.path(picked, chance) for _ in range(PICKED)]
    work, inputs = partial(read, asked.service), partial(shuffled, paths)
    return Operation(name, (asked.service,), work, inputs=inputs)


async def read(service: str, client: Client, path: str) -> None:
    await client.get(service, path)


def shuffled(paths: list[str], _: World, chance: Random, __: int) -> Iterator[str]:
    """Each of them before any comes again."""
    return cycle(chance.sample(paths, len(paths)))
