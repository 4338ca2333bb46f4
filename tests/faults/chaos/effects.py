"""What the log says was done, against what the tables say: once each, and nothing from nowhere."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg

from .log import Effect, Log, Request

Mark = tuple[str, str]

# By kind of effect: which marks are there, and how many times.
FOUND = {
    "product": "SELECT sku, 1 FROM product.products",
    "stock": "SELECT sku, 1 FROM warehouse.stock",
    "document": "SELECT sku, 1 FROM search.index",
    "line": "SELECT cart_id || ' ' || sku, quantity FROM cart.cartlines",
    "order": """SELECT cart_id::text, count(*) FROM orders.orders
                 WHERE status <> 'draft' GROUP BY cart_id""",
    "payment": "SELECT order_id::text, count(*) FROM payment.payments GROUP BY order_id",
    # What the service gives back by itself has no key. An erased customer's reason is gone: here
    # it was the key.
    "refund": """SELECT key, count(*) FROM payment.refunds
                   JOIN payment.payment_idempotency_keys ON resource_id = refund_id
                  GROUP BY key""",
    "transaction": "SELECT reference, count(*) FROM payment.transactions GROUP BY reference",
    "customer": "SELECT email, 1 FROM customer.customers WHERE erased_at IS NULL",
    "adjustment": """SELECT reason, count(*) FROM warehouse.movements
                      WHERE reference IS NULL AND reason <> 'counted' GROUP BY reason""",
    # Those of jobs name their order, or are tombstones, for nothing.
    "reservation": """SELECT reservation_id::text, 1 FROM warehouse.reservations
                       WHERE order_id IS NULL AND EXISTS (
                           SELECT FROM warehouse.reservation_items item
                            WHERE item.reservation_id = reservations.reservation_id)""",
    "event": """SELECT key, count(*)
                  FROM shipping.shipment_events event JOIN shipping.shipping_idempotency_keys
                    ON scope = 'POST /shipments/' || shipment_id || '/events'
                 WHERE convert_from(body, 'UTF8')::jsonb ->> 'status' = event.status
                 GROUP BY key""",
}


@dataclass
class Expected:
    """How many times each mark must be there at least, and may be there at most."""

    least: Counter[Mark] = field(default_factory=Counter)
    most: Counter[Mark] = field(default_factory=Counter)
    beyond_counting: set[str] = field(default_factory=set)


def expected(log: Log) -> Expected:
    """Acknowledged: done. Refused for certain: not done. Anything else: perhaps, at most once."""
    result = Expected(beyond_counting=set(_edited_carts(log)))
    into = {request.body["from_cart_id"]: _cart(request) for request in _merges(log)}
    for request in log.requests:
        if request.effect is None:
            continue
        mark = _mark(request.effect, into)
        result.least[mark] += request.effect.times if request.acknowledged else 0
        result.most[mark] += 0 if request.refused else request.effect.times
    for email in _erased(log):
        result.least["customer", email] = 0
    return result


async def found(db: asyncpg.Connection, log: Log) -> Counter[Mark]:
    into = {request.body["from_cart_id"]: _cart(request) for request in _merges(log)}
    counted: Counter[Mark] = Counter()
    for kind, query in FOUND.items():
        for mark, times in await db.fetch(query):
            counted[_mark(Effect(kind, mark), into)] += times
    return counted


def violations(expected: Expected, found: Mapping[Mark, int]) -> list[str]:
    """Both ways: what is missing or there too often, and what nobody asked for."""
    return [
        f"{kind} {mark}: there {found.get((kind, mark), 0)} times, "
        f"not {expected.least[kind, mark]} to {expected.most[kind, mark]}"
        for kind, mark in sorted({*expected.most, *found})
        if not (kind == "line" and mark.split()[0] in expected.beyond_counting)
        and not (
            expected.least[kind, mark] <= found.get((kind, mark), 0) <= expected.most[kind, mark]
        )
    ]


def _mark(effect: Effect, into: Mapping[str, str]) -> Mark:
    """What was in a cart that was merged into another is counted there, merged or not yet."""
    if effect.kind == "line":
        cart, sku = effect.mark.split()
        return "line", f"{into.get(cart, cart)} {sku}"
    return effect.kind, effect.mark


def _merges(log: Log) -> Iterator[Request]:
    return (request for request in log.requests if request.path.endswith("/merge"))


def _cart(request: Request) -> str:
    return request.path.split("/")[2]


def _edited_carts(log: Log) -> Iterator[str]:
    """Their lines were set and taken out; what comes late of that cannot be told from the log."""
    for request in log.requests:
        if request.service == "cart" and request.method in ("PUT", "DELETE"):
            yield _cart(request)


def _erased(log: Log) -> Iterator[str]:
    """The addresses of customers who were, or may have been."""
    emails = {
        reply.json["customer_id"]: request.effect.mark
        for request, reply in log.acknowledged()
        if request.effect and request.effect.kind == "customer"
    }
    for request in log.requests:
        if request.service == "customer" and request.method == "DELETE":
            yield emails[request.path.split("/")[2]]
