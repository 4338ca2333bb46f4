"""Every statement that a service can send to PostgreSQL, found by looking into its modules.

A constant that is a statement is taken as it stands. What is put together from pieces is put
together here, by the functions that do it, in every way that a request can ask for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Any, get_args
from uuid import UUID

import asyncpg

from bench.scale.filling import SCHEMAS
from chassis import idempotency
from chassis.app import load_app, queues_of
from chassis.lists import encode
from chassis.queues import COUNT
from customerService.app import customers
from fleet.services import ROOT, SERVICES
from fulfilmentService.app import views
from fulfilmentService.app.schemas import Status as JobStatus
from orderService.app import orders
from orderService.app.schemas import Status as OrderStatus
from paymentService.app import payments
from searchService.app import queries
from searchService.app.queries import Meaning, Parts, Question
from searchService.app.schemas import Sort
from shippingService.app import shipments
from shippingService.app.schemas import Status as ShipmentStatus

STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
PIECE = re.compile(r"\{\w*\}|\?")

# Pieces that are whole statements as well, and are only ever sent with more behind them.
BEGINNINGS = {
    "fulfilmentService.app.views.JOBS",
    "orderService.app.orders.HEADS",
    "orderService.app.orders.SELECT",
    "shippingService.app.shipments.SHIPMENTS",
}

FUNCTIONS = """
SELECT pg_proc.oid::regproc::text, proargnames[1], proargtypes[0]::regtype::text, prosrc
  FROM pg_proc JOIN pg_language language ON language.oid = prolang
 WHERE pronamespace::regnamespace::text = ANY ($1) AND lanname = 'sql' AND prosecdef
"""

SOMEBODY = UUID(int=7)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
# An id of the middle of the small world's time.
HALFWAY = UUID("01941f29-7c00-7000-8000-000000000000")


@dataclass(frozen=True)
class Statement:
    """`values` are what a request would send; None where any of the right type will do."""

    text: str
    values: list[Any] | None = None


@dataclass
class Recorder:
    """A database that only writes down what it is asked."""

    asked: list[Statement] = field(default_factory=list)

    async def fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        self.asked.append(Statement(query, list(values)))
        return []

    async def execute(self, query: str, *_: Any) -> str:
        raise NotImplementedError

    async def fetchrow(self, query: str, *_: Any) -> asyncpg.Record | None:
        raise NotImplementedError

    async def fetchval(self, query: str, *_: Any) -> Any:
        raise NotImplementedError


def constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    """The statements among a module's own constants, pieces of statements included."""
    for name, value in vars(module).items():
        if name.isupper() and isinstance(value, str) and STATEMENT.match(value):
            yield f"{module.__name__}.{name}", value


def modules() -> Iterator[ModuleType]:
    for service in SERVICES:
        for file in sorted((ROOT / service.folder / "app").glob("*.py")):
            if file.stem not in ("__init__", "main"):
                yield import_module(f"{service.folder}.app.{file.stem}")


def standing() -> dict[str, Statement]:
    """The constants that are sent as they stand."""
    return {
        name: Statement(text)
        for module in modules()
        for name, text in constants(module)
        if not PIECE.search(text) and name not in BEGINNINGS
    }


def pieces() -> set[str]:
    """The constants that are only sent put together with others."""
    return {name for module in modules() for name, text in constants(module)} - set(standing())


async def in_functions(db: asyncpg.Connection) -> dict[str, Statement]:
    """What the erasures do, which only their schemas' owners may."""
    found = {}
    for name, argument, kind, body in await db.fetch(FUNCTIONS, SCHEMAS):
        for place, text in enumerate(body.strip().rstrip(";").split(";")):
            asked = re.sub(rf"(?<![.\w]){argument}(?![.\w])", f"$1::{kind}", text)
            found[f"{name}, {place}"] = Statement(asked)
    return found


async def put_together() -> dict[str, Statement]:
    lists = await _orders() | await _owned() | await _jobs()
    return {**_keys(), **_queues(), **_searches(), **lists}


def _keys() -> dict[str, Statement]:
    found = {}
    for service in SERVICES:
        table = f"{service.schema}.{service.name}_idempotency_keys"
        for name, text in constants(idempotency):
            found[f"{name} of {service.name}"] = Statement(text.format(table=table))
    return found


def _queues() -> dict[str, Statement]:
    """As they are counted: of each so many rows at most, and the eldest of them."""
    apps = (load_app(service.folder) for service in SERVICES)
    return {
        f"queue {queue.name} of {app.service}": Statement(
            COUNT.format(name=queue.name, rows=queue.rows)
        )
        for app in apps
        for queue in queues_of(app)
    }


def _searches() -> dict[str, Statement]:
    """In every combination of words, filters, sorts, first page or a later one, and of as much of
    the index as may be asked."""
    found = {}
    words = Meaning("lamp", "lamp | lampshad", "lamp | lampshad | lmap", "lamp", (), "oak", "oak")
    meanings = {
        "no text": ("", Meaning(category_key="oak")),
        "words": ("lamp", words),
        "plain words": ("lamp", replace(words, typed="lamp", wide="lamp")),
        "unspaced": ("有机绿茶", replace(words, exact="有机 <2> 绿茶", wide="有机 <2> 绿茶")),
        "SKU": ("lamp", replace(words, skus=["LAMP", "lamp"])),
        "no word": ("?", Meaning(category_key="oak")),
        "no word but a SKU": ("-", Meaning(skus=["-"], category_key="oak")),
    }
    everything = product(
        meanings, (None, "Oak"), (None, Decimal(9)), (None, True, False), (None, "EUR"),
        get_args(Sort), (False, True),
    )  # fmt: skip
    for asked, category, price, in_stock, currency, sort, later in everything:
        text, meaning = meanings[asked]
        question = Question(text, category, price, price, in_stock, sort, currency)
        after = ("0", "") if later else None
        name = f"{asked}, {category}, {price}, {in_stock}, {currency}, {sort}, later {later}"
        if meaning.wide:
            found[f"sample of {name}"] = Statement(*queries.sample(question, meaning))
        for part in (queries.ALL, *queries.PARTS) if asked == "words" else (queries.ALL,):
            parts = Parts(part, part)
            found[f"hits {part} of {name}"] = Statement(
                *queries.hits(question, meaning, parts, 51, after)
            )
            found[f"total {part} of {name}"] = Statement(*queries.total(question, meaning, parts))
            found[f"groups {part} of {name}"] = Statement(*queries.groups(question, meaning, parts))
    return found


async def _orders() -> dict[str, Statement]:
    found = {}
    statuses: tuple[OrderStatus | None, ...] = (None, "paid")
    cursor = encode(HALFWAY)
    for customer, status, paid, after, owner in product(
        (None, SOMEBODY), statuses, (None, True, False), (None, cursor), (None, SOMEBODY)
    ):
        recorder = Recorder()
        await orders.listed(recorder, customer, status, paid, 50, after, owner)
        (found[f"orders {customer}, {status}, {paid}, {after}, {owner}"],) = recorder.asked
    return found


SHIPPED: tuple[ShipmentStatus | None, ...] = (None, "dispatched")


async def _owned() -> dict[str, Statement]:
    """The lists of what customers own, by order too, as the staff see them and as an owner does."""
    found = {}
    for order, after, owner in product((None, SOMEBODY), (None, HALFWAY), (None, SOMEBODY)):
        asked = f"of order {order}, after {after}, of {owner}"
        recorder, cursor = Recorder(), encode(after) if after else None
        await payments.listed(recorder, order, 50, cursor, owner)
        (found[f"payments {asked}"],) = recorder.asked
        cursor = encode(NOON, after) if after else None
        for status in SHIPPED:
            recorder = Recorder()
            await shipments.listed(recorder, order, status, 50, cursor, owner)
            (found[f"shipments {status}, {asked}"],) = recorder.asked
        recorder, cursor = Recorder(), encode(after) if after else None
        await customers.listed(recorder, 50, cursor, owner)
        (found[f"customers {asked}"],) = recorder.asked
    return found


async def _jobs() -> dict[str, Statement]:
    found = {}
    statuses: tuple[JobStatus | None, ...] = (None, "completed")
    for order, status, after in product((None, SOMEBODY), statuses, (None, encode(HALFWAY))):
        recorder = Recorder()
        await views.listed(recorder, order, status, 50, after)
        (found[f"jobs {order}, {status}, {after}"],) = recorder.asked
    return found
