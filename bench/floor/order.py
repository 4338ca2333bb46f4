"""orderService, bare."""

import asyncio
import json
from typing import Any
from uuid import UUID

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orderService.app.drafts import CONFIRM, DRAW_UP, OF_CART
from orderService.app.fulfilment import HOLD, SHIP, TO_FULFIL, hold_name
from orderService.app.moves import PAY
from orderService.app.orders import FIND
from orderService.app.parcels import TO_SHIP
from orderService.app.payable import FIND as TO_PAY

from .bare import (
    ANYBODY,
    TRACE,
    Peer,
    answer,
    body_of,
    db_of,
    entries,
    major,
    minor,
    peers_of,
    service,
    trace_id,
    unit_of_work,
)

# Written inline in placement.py.
MINT = "SELECT uuidv7()"

IDS = ("order_id", "customer_id", "cart_id", "payment_id", "fulfilment_job_id", "shipment_id")
PLAIN = (*IDS, "status", "currency", "created_at", "updated_at")


def order(row: Record) -> dict[str, Any]:
    address = row["shipping_address"]
    return {
        **{name: row[name] for name in PLAIN},
        "lines": [line(each) for each in json.loads(row["lines"])],
        "total": major(row["total_minor"]),
        "shipping_address": json.loads(address) if address else None,
        "history": entries(row["history"], "status", "at", "reason"),
        "trace_id": trace_id(row),
    }


def line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "name": row["name"],
        "quantity": row["quantity"],
        "unit_price": major(row["unit_price_minor"]),
        "line_total": major(row["line_total_minor"]),
    }


async def place(request: Request) -> Response:
    """In the steps of the service: a draft, the cart closed for it, an order."""
    db, peers, new = db_of(request), peers_of(request), await body_of(request)
    cart_id = UUID(new["cart_id"])
    await db.fetchrow(OF_CART, cart_id)
    customer, basket = await asyncio.gather(
        peers["customer"].ask("GET", f"/customers/{new['customer_id']}"),
        peers["cart"].ask("GET", f"/carts/{cart_id}"),
    )
    lines = await priced(peers["product_catalogue"], basket["items"])
    address = new.get("shipping_address") or customer["address"]
    async with unit_of_work(request) as work:
        order_id = await work.fetchval(MINT)
        head = (new["customer_id"], cart_id, basket["version"], basket["currency"])
        total = sum(line[-1] for line in lines)
        columns = (list(column) for column in zip(*lines, strict=True))
        where = address and json.dumps(address)
        await work.execute(DRAW_UP, order_id, *head, total, where, TRACE, *columns)
    await db.fetchrow(OF_CART, cart_id)
    closing = {"order_id": order_id, "version": basket["version"]}
    await peers["cart"].ask("PUT", f"/carts/{cart_id}/checkout", closing)
    async with unit_of_work(request) as work:
        await work.execute(CONFIRM, order_id)
        row = await work.fetchrow(FIND, order_id, ANYBODY)
        assert row is not None
        return answer(order(row), 201)


async def priced(catalogue: Peer, items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The lines of DRAW_UP, at the catalogue's prices."""
    query = "&".join(f"sku={item['sku']}" for item in items)
    products = (await catalogue.ask("GET", f"/products?{query}"))["items"]
    lines = []
    for place, (item, product) in enumerate(zip(items, products, strict=True), start=1):
        price, quantity = minor(product["price"]), item["quantity"]
        lines.append((place, item["sku"], product["name"], quantity, price, quantity * price))
    return lines


async def read(request: Request) -> Response:
    return answer(order(await found(request, FIND, ANYBODY)))


async def to_pay(request: Request) -> Response:
    return answer(payable(await found(request, TO_PAY)))


async def to_fulfil(request: Request) -> Response:
    row = await found(request, TO_FULFIL)
    return answer({**row, "lines": json.loads(row["lines"])})


async def to_ship(request: Request) -> Response:
    row = await found(request, TO_SHIP)
    address = row["shipping_address"]
    return answer({**row, "shipping_address": address and json.loads(address)})


async def pay(request: Request) -> Response:
    new = await body_of(request)
    paid = (minor(new["amount"]), new["currency"])
    return answer(payable(await found(request, PAY, new["payment_id"], *paid)))


async def hold(request: Request) -> Response:
    new = await body_of(request)
    name = hold_name(new["job_id"], new["round"])
    how = (new["job_id"], new["require_payment"], name, new["shipment_id"])
    return answer({**await found(request, HOLD, *how)})


async def ship(request: Request) -> Response:
    new = await body_of(request)
    return answer({**await found(request, SHIP, new["job_id"], new["shipment_id"])})


async def found(request: Request, query: str, *values: Any) -> Record:
    """The row of the order that the path names, which the query may have moved."""
    row = await db_of(request).fetchrow(query, UUID(request.path_params["order_id"]), *values)
    assert row is not None
    return row


def payable(row: Record) -> dict[str, Any]:
    names = ("order_id", "customer_id", "status", "currency", "payment_id")
    return {**{name: row[name] for name in names}, "total": major(row["total_minor"])}


app = service(
    Route("/orders", place, methods=["POST"]),
    Route("/orders/{order_id}", read),
    Route("/orders/{order_id}/payable", to_pay),
    Route("/orders/{order_id}/fulfillable", to_fulfil),
    Route("/orders/{order_id}/shippable", to_ship),
    Route("/orders/{order_id}/payment", pay, methods=["PUT"]),
    Route("/orders/{order_id}/fulfilment", hold, methods=["PUT"]),
    Route("/orders/{order_id}/shipment", ship, methods=["PUT"]),
    peers=("cart", "product_catalogue", "customer"),
)
