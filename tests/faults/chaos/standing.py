"""What was acknowledged, against what the services say now: the same, or further on."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .caller import Caller
from .log import Log, Request

Thing = Mapping[str, Any]

AT_ONCE = 8
# Read one by one, unlike most; what they hold is counted among the effects.
MOST_CARTS = 1000


@dataclass(frozen=True)
class Kind:
    """`fixed` members never change; `after` says which statuses may follow one (none named: any).

    `path` is for those that are read one by one; the others are listed.
    """

    service: str
    name: str
    fixed: tuple[str, ...]
    after: Mapping[str, frozenset[str]] = field(default_factory=dict)
    path: str = ""

    @property
    def id(self) -> str:
        return "sku" if self.name == "product" else f"{self.name}_id"


def _line(*statuses: str) -> dict[str, frozenset[str]]:
    """Each may be followed by any later one."""
    return {status: frozenset(statuses[place:]) for place, status in enumerate(statuses)}


MONEY = ("order_id", "amount", "currency", "created_at")
ORDER = ("customer_id", "cart_id", "lines", "total", "currency", "shipping_address", "created_at")

# Null once the customer is erased, which the audit looks after.
ERASABLE = frozenset({"shipping_address", "address", "reason"})

KINDS = {
    "orders": Kind(
        "order",
        "order",
        ORDER,
        {
            "paid": frozenset({"paid", "fulfilled", "cancelled", "refunded"}),
            **_line("fulfilled", "refunded"),
            **_line("cancelled", "refunded"),
        },
    ),
    "payments": Kind(
        "payment", "payment", MONEY, {**_line("captured", "refunded"), **_line("declined")}
    ),
    "refunds": Kind(
        "payment",
        "refund",
        ("payment_id", "amount", "currency", "reason", "created_at"),
        _line("succeeded"),
        "/payments/{payment_id}/refunds/{refund_id}",
    ),
    "transactions": Kind("transaction", "transaction", (*MONEY, "kind", "reference")),
    "fulfilments": Kind("fulfilment", "job", ("order_id", "created_at"), _line("completed")),
    "shipments": Kind(
        "shipping",
        "shipment",
        ("order_id", "tracking_number", "carrier", "address", "created_at"),
        _line("dispatched", "in_transit", "delivered", "returned"),
    ),
    "customers": Kind("customer", "customer", ("email", "created_at")),
    "products": Kind("product_catalogue", "product", ("created_at",), path="/products/{sku}"),
    "reservations": Kind(
        "warehouse",
        "reservation",
        ("items", "order_id", "created_at"),
        {**_line("committed"), **_line("released"), **_line("expired")},
        "/reservations/{reservation_id}",
    ),
    "carts": Kind("cart", "cart", (), _line("checked_out"), "/carts/{cart_id}"),
}


def without_capped(said: Thing) -> Thing:
    """A cart as it is read: only the answer to a merge names what was capped."""
    return {name: value for name, value in said.items() if name != "capped"}


def disagreements(kind: Kind, said: Thing, now: Thing) -> Iterator[str]:
    """How a thing has become other than it can have, since this was said of it."""
    for member in kind.fixed:
        erased = member in ERASABLE and now[member] is None
        if said[member] != now[member] and not erased:
            yield f"{member} was {said[member]}, is {now[member]}"
    if (follow := kind.after.get(said.get("status", ""))) and now["status"] not in follow:
        yield f"was {said['status']}, is {now['status']}"
    if "version" in said:
        if now["version"] < said["version"]:
            yield f"was at version {said['version']}, is at {now['version']}"
        elif now["version"] == said["version"] and now != without_capped(said):
            yield f"two contents for version {now['version']}: {said} and {now}"


def kind_of(request: Request) -> Kind | None:
    """What the answer to this request is about; None for stock, searches and lists."""
    if "?" in request.path:
        return None
    _, first, *rest = request.path.split("/")
    return KINDS.get("refunds" if "refunds" in rest else first)


def said(log: Log) -> dict[str, dict[str, list[Thing]]]:
    """Everything that was acknowledged, by collection and id."""
    names = {id(kind): name for name, kind in KINDS.items()}
    told: dict[str, dict[str, list[Thing]]] = {name: defaultdict(list) for name in KINDS}
    for request, reply in log.acknowledged():
        if reply.body and (kind := kind_of(request)):
            told[names[id(kind)]][reply.json[kind.id]].append(reply.json)
    return told


def erased(log: Log) -> set[str]:
    """The customers who asked to be: of them nothing may be left."""
    return {
        request.path.split("/")[2]
        for request in log.requests
        if request.service == "customer" and request.method == "DELETE"
    }


def misnamed(log: Log, now: Mapping[str, Thing]) -> list[str]:
    """Customers, who have no version: called neither what was acknowledged last, nor what an
    attempt that nobody answered may have called them later."""
    last: dict[str, str] = {}
    late: dict[str, set[str]] = defaultdict(set)
    for request in log.requests:
        if request.service == "customer" and request.method == "PATCH":
            each = request.path.split("/")[2]
            if request.acknowledged:
                last[each] = request.body["name"]
            if len(request.replies) < request.attempts:
                late[each].add(request.body["name"])
    return [
        f"customers {each}: renamed {name}, is called {now[each]['name']}"
        for each, name in last.items()
        if each in now and now[each]["name"] not in {name, *late[each]}
    ]


async def violations(log: Log, caller: Caller) -> list[str]:
    told, found = said(log), []
    gone = erased(log)
    for name, kind in KINDS.items():
        now = await _now(name, kind, told[name], caller)
        if name == "customers":
            found += misnamed(log, now)
        for each, versions in told[name].items():
            if each in gone:
                found += [f"{name} {each}: erased, and still there"] if each in now else []
            elif each in now:
                differences = {d for v in versions for d in disagreements(kind, v, now[each])}
                found += [f"{name} {each}: {what}" for what in sorted(differences)]
            else:
                found.append(f"{name} {each}: acknowledged, and not there")
    return found


async def _now(
    name: str, kind: Kind, told: dict[str, list[Thing]], caller: Caller
) -> dict[str, Thing]:
    if not kind.path:
        return {each[kind.id]: each async for each in _listed(name, kind, caller)}
    if name == "carts":
        for each in list(told)[:-MOST_CARTS]:
            del told[each]
    return await _one_by_one(kind, [versions[0] for versions in told.values()], caller)


async def _listed(name: str, kind: Kind, caller: Caller) -> Any:
    cursor = ""
    while cursor is not None:
        path = f"/{name}?limit=200" + (f"&cursor={cursor}" if cursor else "")
        page = (await caller.ask("GET", kind.service, path)).json
        for each in page["items"]:
            yield each
        cursor = page["next_cursor"]


async def _one_by_one(kind: Kind, things: list[Thing], caller: Caller) -> dict[str, Thing]:
    found: dict[str, Thing] = {}
    waiting = iter(things)

    async def read() -> None:
        for thing in waiting:
            path = kind.path.format_map(thing)
            answer = await caller.ask("GET", kind.service, path, fine={"not-found"})
            if answer.ok:
                found[answer.json[kind.id]] = answer.json

    await asyncio.gather(*(read() for _ in range(AT_ONCE)))
    return found
