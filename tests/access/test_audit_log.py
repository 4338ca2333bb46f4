"""Who did what: every change by the staff is written down with it, once, by no route's doing."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from chassis import logs
from chassis.app import load_app
from conftest import PeerHandler
from fleet.services import BY_NAME, SERVICES
from fulfilmentService.tests.support import Shop
from tests.access.test_every_caller import Operation, operations
from tests.access.tokens import ADA, Tokens
from tests.access.world import CART, ORDER, World
from tests.contents import columns, rows
from tests.shop import HOME

READING = {"GET", "HEAD", "OPTIONS"}
EVERY = pytest.mark.parametrize("name", [service.name for service in SERVICES])

SAM = "sam|7"
OTHER_CART, RESERVATION, RETURNED = (str(uuid4()) for _ in range(3))
ITEM = {"sku": "TEA", "quantity": 1}
PRODUCT = {"sku": "TEA", "name": "Tea", "price": "6.90", "currency": "EUR"}
MONEY = {"order_id": str(ORDER), "amount": "6.90", "currency": "EUR"}
RESERVED = {"items": [ITEM]}
ORDERED = {"order_id": "of the shop"}

# Every change that the staff may make, in an order in which each of them is one. The ids in a path
# are those that earlier answers have told, or PARKED.
CHANGES: dict[str, list[tuple[str, Any]]] = {
    "product_catalogue": [
        ("POST /products", PRODUCT),
        ("PUT /products/{sku}", PRODUCT | {"name": "Black tea"}),
        ("PATCH /products/{sku}", {"price": "7.00"}),
        ("POST /products/bulk", {"products": [PRODUCT]}),
        ("DELETE /products/{sku}", None),
    ],
    "cart": [
        ("POST /carts", {}),
        ("POST /carts/{cart_id}/items", ITEM),
        ("PUT /carts/{cart_id}/items/{sku}", {"quantity": 2}),
        ("POST /carts/{cart_id}/merge", {"from_cart_id": OTHER_CART}),
        ("DELETE /carts/{cart_id}/items/{sku}", None),
        ("DELETE /carts/{cart_id}", None),
    ],
    "order": [
        ("POST /parked/{item_id}/retry", None),
        ("POST /orders", {"customer_id": str(ADA), "cart_id": str(CART)}),
        ("PATCH /orders/{order_id}", {"shipping_address": HOME}),
        ("POST /orders/{order_id}/cancel", {}),
    ],
    "transaction": [("POST /transactions", MONEY)],
    "customer": [
        ("POST /customers", {"email": "ada@example.org", "name": "Ada"}),
        ("PATCH /customers/{customer_id}", {"name": "Ada L."}),
        ("DELETE /customers/{customer_id}", None),
    ],
    "payment": [
        ("POST /parked/{item_id}/retry", None),
        ("POST /payments", MONEY | {"method": {"type": "card", "token": "tok_ok"}}),
        ("POST /payments/{payment_id}/refunds", {"amount": "1.00"}),
    ],
    "search": [
        ("PUT /index/{sku}", {"name": "Tea"}),
        ("POST /index/bulk", {"documents": [{"sku": "TEA", "name": "Black tea"}]}),
        ("DELETE /index/{sku}", None),
    ],
    "shipping": [
        ("POST /parked/{item_id}/retry", None),
        ("POST /shipments", {"order_id": str(ORDER)}),
        ("POST /shipments/{shipment_id}/events", {"status": "dispatched"}),
    ],
    "warehouse": [
        ("PUT /stock/{sku}", {"quantity": 5}),
        ("POST /stock/{sku}/adjustments", {"delta": 1, "reason": "found"}),
        ("POST /stock/bulk", {"stock": [{"sku": "TEA", "quantity": 9}]}),
        ("POST /reservations", RESERVED | {"reservation_id": RETURNED}),
        ("POST /reservations/{reservation_id}/release", None),
        ("POST /reservations", RESERVED | {"reservation_id": RESERVATION}),
        ("POST /reservations/{reservation_id}/commit", None),
    ],
    "fulfilment": [
        ("POST /parked/{item_id}/retry", None),
        ("POST /fulfilments", ORDERED),
        ("POST /fulfilments/{job_id}/retry", None),
    ],
}
# A row that is gone tells no more what has deleted it, nor one that later steps have written over.
UNTOLD = {
    *(step for steps in CHANGES.values() for step, _ in steps if step.startswith("DELETE")),
    "POST /payments",
    "POST /shipments",
    "POST /fulfilments",
    "POST /fulfilments/{job_id}/retry",
    # Its sweep takes it up at once.
    "POST /parked/{item_id}/retry",
}
# Work that its sweep has given up on, for a person to try anew.
PARKED = {
    "order": """
        WITH parked AS (
            INSERT INTO orders.orders (customer_id, cart_id, cart_version, currency, total_minor,
                                       attempts, next_attempt_at)
            VALUES (uuidv7(), uuidv7(), 1, 'EUR', 690, 12, now() + interval '1 hour')
            RETURNING order_id)
        INSERT INTO orders.order_lines
        SELECT order_id, 'TEA', 1, 'Tea', 1, 690, 690 FROM parked RETURNING order_id
    """,
    "shipping": """
        INSERT INTO shipping.claims (shipment_id, order_id, carrier, attempts, next_attempt_at)
        VALUES (uuidv7(), uuidv7(), 'Post', 12, now() + interval '1 hour') RETURNING shipment_id
    """,
    "fulfilment": """
        INSERT INTO fulfilment.jobs (order_id, lines, attempts, next_attempt_at)
        VALUES (uuidv7(), '[]', 100, now() + interval '1 hour') RETURNING job_id
    """,
    "payment": """
        INSERT INTO payment.payments (order_id, amount_minor, currency, token, attempts,
                                      next_attempt_at)
        VALUES (uuidv7(), 690, 'EUR', 'tok_ok', 24, now() + interval '1 hour') RETURNING payment_id
    """,
}


@pytest.fixture
def shop() -> Shop:
    """Where goods are short at first."""
    return Shop(on_hand={"CANDLE": 0, "WICK": 0})


@pytest.fixture
def peers(name: str, shop: Shop) -> PeerHandler:
    return shop if name == "fulfilment" else World()  # type: ignore[return-value]  # a transport takes either


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Everything, as a superuser sees it."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def changing(name: str) -> list[Operation]:
    page = load_app(BY_NAME[name].folder).openapi()
    return [each for each in operations(page) if each.method not in READING]


@EVERY
def test_no_change_by_the_staff_is_left_out(name: str) -> None:
    tried = {operation for operation, _ in CHANGES[name]}
    admitting = {
        f"{each.method} {each.path}" for each in changing(name) if "staff" in each.admitted
    }
    assert admitting == tried


@EVERY
async def test_every_change_is_written_down_once_in_its_unit_of_work(
    name: str,
    service: httpx.AsyncClient,
    tokens: Tokens,
    books: asyncpg.Connection,
    shop: Shop,
) -> None:
    staff = bearer(tokens.person("staff", subject=SAM))
    ids = await prepared(name, service, books, shop, staff)
    for number, (operation, body) in enumerate(CHANGES[name]):
        method, path = operation.format(**ids).split()
        before = len(await entries(books, name))
        headers = staff | {"X-Request-ID": f"r-{number}"}
        answer = await service.request(method, path, json=body_of(body, ids), headers=headers)
        # A job that fails is there, to be tried again.
        assert answer.is_success or path == "/fulfilments", (operation, answer.text)
        (entry,) = (await entries(books, name))[before:]
        told = tuple(entry)[2:-1]
        assert told == (SAM, "staff", method, operation.split()[1], path, f"r-{number}")
        assert operation in UNTOLD or await changed_with(books, entry), operation
        ids |= found_in(answer)
        if path == "/fulfilments":
            ids["job_id"] = str(
                await books.fetchval("SELECT job_id FROM fulfilment.jobs ORDER BY job_id DESC")
            )
            shop.on_hand = {"CANDLE": 10, "WICK": 10}


@EVERY
async def test_what_is_refused_leaves_nothing(
    name: str, service: httpx.AsyncClient, tokens: Tokens, books: asyncpg.Connection
) -> None:
    """Of a body that is wrong, and of what does not exist."""
    staff = bearer(tokens.person("staff", subject=SAM))
    for operation in changing(name):
        for body in ({"half": 1}, None):
            headers = staff | {"Idempotency-Key": str(uuid4())}
            before = len(await entries(books, name))
            answer = await service.request(
                operation.method, operation.url, json=body, headers=headers
            )
            written = len(await entries(books, name)) - before
            assert written == 0 if answer.status_code >= 400 else 1, (operation, answer.text)


@pytest.mark.parametrize("name", ["product_catalogue"])
async def test_a_refusal_that_a_key_keeps_leaves_nothing(
    name: str, service: httpx.AsyncClient, tokens: Tokens, books: asyncpg.Connection
) -> None:
    """The key is a change of a table, but none that anybody would ask about."""
    staff = bearer(tokens.person("staff", subject=SAM))
    assert (await service.post("/products", json=PRODUCT, headers=staff)).status_code == 201
    for replayed in (None, "true"):
        keyed = staff | {"Idempotency-Key": "k"}
        refused = await service.post("/products", json=PRODUCT, headers=keyed)
        assert refused.json()["type"] == "/problems/sku-taken"
        assert refused.headers.get("Idempotent-Replayed") == replayed
        assert len(await entries(books, name)) == 1


@EVERY
async def test_what_cannot_be_written_down_is_not_done(
    name: str,
    service: httpx.AsyncClient,
    tokens: Tokens,
    books: asyncpg.Connection,
    shop: Shop,
) -> None:
    staff = bearer(tokens.person("staff", subject=SAM))
    ids = await prepared(name, service, books, shop, staff)
    operation, body = CHANGES[name][0]
    method, path = operation.format(**ids).split()
    before = await rows(books, await columns(books))
    await books.execute(f"REVOKE INSERT ON {table(name)} FROM {name}_app")
    try:
        answer = await service.request(method, path, json=body_of(body, ids), headers=staff)
        assert answer.status_code == 500, answer.text
        assert await rows(books, await columns(books)) == before
    finally:
        await books.execute(f"GRANT INSERT ON {table(name)} TO {name}_app")


@pytest.mark.parametrize("name", ["cart"])
async def test_only_what_the_staff_does_is_written_down(
    name: str, service: httpx.AsyncClient, tokens: Tokens, books: asyncpg.Connection
) -> None:
    """Not what customers do to what is theirs, nor what services do on their own behalf."""
    path = f"/carts/{CART}"
    as_ada = bearer(tokens.person("customer", subject=ADA))
    as_order = bearer(tokens.service("order", "cart"))
    taken = {"order_id": str(ORDER), "version": 1}
    for who, method, changed, body in (
        (as_ada, "POST", f"{path}/items", ITEM),
        (as_order, "PUT", f"{path}/checkout", taken),
    ):
        answer = await service.request(method, changed, json=body, headers=who)
        assert answer.is_success, answer.text
        assert await entries(books, name) == []
    as_admin = bearer(tokens.person("customer", "admin", subject=ADA))
    await service.post("/carts", json={}, headers=as_admin)
    (entry,) = await entries(books, name)
    assert (entry["subject"], entry["roles"]) == (str(ADA), "admin customer")


@pytest.mark.parametrize("name", ["warehouse"])
async def test_admins_read_it(service: httpx.AsyncClient, tokens: Tokens) -> None:
    for number in range(5):
        who = bearer(tokens.person("staff", subject=SAM if number % 2 else "kim"))
        answer = await service.put(f"/stock/TEA-{number}", json={"quantity": 1}, headers=who)
        assert answer.is_success, answer.text
    admin = bearer(tokens.person("admin", subject="root"))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while query:
        page = (await service.get("/audit-log", params=query, headers=admin)).json()
        seen += [each["path"] for each in page["items"]]
        query = page["next_cursor"] and {"limit": 2, "cursor": page["next_cursor"]}
    assert seen == [f"/stock/TEA-{number}" for number in (4, 3, 2, 1, 0)]
    answer = await service.get("/audit-log", params={"subject": SAM}, headers=admin)
    assert answer.headers["cache-control"] == "no-store"
    page = answer.json()
    assert [each["path"] for each in page["items"]] == ["/stock/TEA-3", "/stock/TEA-1"]
    assert {each["subject"] for each in page["items"]} == {SAM}
    staff = bearer(tokens.person("staff", subject=SAM))
    assert (await service.get("/audit-log", headers=staff)).status_code == 403


@EVERY
async def test_nobody_changes_it(name: str, books: asyncpg.Connection) -> None:
    """Neither the service's role, which may not, nor its owner, whom a trigger stops."""
    for change in ("UPDATE {} SET subject = 'kim'", "DELETE FROM {}", "TRUNCATE {}"):
        statement = change.format(table(name))
        await books.execute(f"SET ROLE {name}_app")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await books.execute(statement)
        await books.execute("RESET ROLE")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
            await books.execute(statement)


@pytest.mark.parametrize("name", ["customer"])
async def test_who_has_somebody_exported_is_written_down(
    name: str, service: httpx.AsyncClient, tokens: Tokens, books: asyncpg.Connection
) -> None:
    """A GET that asks all services for what they hold of somebody: nobody brings it here."""
    staff = bearer(tokens.person("staff", subject=SAM))
    profile = {"email": "ada@example.org", "name": "Ada"}
    made = await service.post("/customers", json=profile, headers=staff)
    path = f"/customers/{made.json()['customer_id']}"
    hurry = staff | {"X-Request-Timeout-Ms": "400"}
    assert (await service.get(f"{path}/export", headers=hurry)).status_code == 503
    assert (await service.get(path, headers=staff)).status_code == 200
    told = [(entry["method"], entry["path"]) for entry in await entries(books, name)]
    assert told == [("POST", "/customers"), ("GET", f"{path}/export")]


@pytest.mark.parametrize("name", ["cart"])
async def test_the_log_tells_who_it_was_and_why_not(
    service: httpx.AsyncClient, tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"/carts/{CART}"
    shown = {
        "r-staff": bearer(tokens.person("staff", subject='sam "7"')),
        "r-order": bearer(tokens.service("order", "cart")),
        "r-nobody": {},
        "r-wrong": bearer(tokens.person("customer", subject="none")),
        "r-late": bearer(tokens.person("staff", exp=1)),
    }
    for request_id, headers in shown.items():
        await service.get(path, headers={**headers, "X-Request-ID": request_id})
    logs.lines.flush()
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    told = {line["request_id"]: line for line in lines if line["event"] == "request"}
    about = {
        request_id: tuple(told[request_id].get(key) for key in ("caller", "roles", "refused"))
        for request_id in shown
    }
    assert about == {
        "r-staff": ('sam "7"', "staff", None),
        "r-order": ("service:order", None, None),
        "r-nobody": (None, None, "This call needs a valid token."),
        "r-wrong": ("none", None, "This is for admin, customer, staff only."),
        "r-late": (None, None, "The token has expired."),
    }


async def prepared(
    name: str,
    service: httpx.AsyncClient,
    books: asyncpg.Connection,
    shop: Shop,
    staff: dict[str, str],
) -> dict[str, str]:
    """What there has to be before the changes. Returns the ids that they name."""
    ids = {"sku": "TEA", "order_id": shop.order()}
    if name in PARKED:
        ids["item_id"] = str(await books.fetchval(PARKED[name]))
    if name == "cart":
        await service.post(f"/carts/{OTHER_CART}/items", json=ITEM, headers=staff)
    return ids


def body_of(body: Any, ids: dict[str, str]) -> Any:
    return {"order_id": ids["order_id"]} if body == ORDERED else body


def found_in(answer: httpx.Response) -> dict[str, str]:
    said = answer.json() if answer.content else {}
    return {key: value for key, value in said.items() if key.endswith("_id") and value}


def table(name: str) -> str:
    return f"{BY_NAME[name].schema}.{name}_audit_log"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def entries(books: asyncpg.Connection, name: str) -> list[asyncpg.Record]:
    """The oldest first; the last column is the transaction that has written it."""
    found: list[asyncpg.Record] = await books.fetch(
        f"SELECT *, xmin::text AS xid FROM {table(name)} ORDER BY entry_id"  # noqa: S608  # a name of ours
    )
    return found


async def changed_with(books: asyncpg.Connection, entry: asyncpg.Record) -> bool:
    """Whether another row was written in the same unit of work."""
    for other in await columns(books):
        if not other.endswith("_audit_log"):
            query = f"SELECT EXISTS (SELECT FROM {other} WHERE xmin::text = $1)"  # noqa: S608  # from the catalogue
            if await books.fetchval(query, entry["xid"]):
                return True
    return False
