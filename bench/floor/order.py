"""orderService, bare."""

import asyncio
import json
from typing import Any
from uuid import UUID

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orderService.app.drafts import CONFIRM, DRAW_UP, OF_CART
from orderService.app.fulfilment import HOLD, SHIP, hold_name
from orderService.app.moves import PAY
from orderService.app.orders import FIND

from .bare import (
    ANYBODY,
    TRACE,
    Peer,
    answer,
    body_of,
    db_of,
    major,
    minor,
    peers_of,
    service,
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
        "history": [
            {name: entry[name] for name in ("status", "at", "reason")}
            for entry in json.loads(row["history"])
        ],
    }


def line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "name": row["name"],
        "quantity": row["quantity"],
        "unit_price": major(row["unit_price_minor"]),
        "line_total": major(row["line_total_minor"]),
    }


async def found(db: PoolConnectionProxy, order_id: UUID) -> dict[str, Any]:
    row = await db.fetchrow(FIND, order_id, ANYBODY)
    assert row is not None
    return order(row)


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
        return answer(await found(work, order_id), 201)


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
    row = await db_of(request).fetchrow(FIND, UUID(request.path_params["order_id"]), ANYBODY)
    assert row is not None
    return answer(order(row))


async def pay(request: Request) -> Response:
    order_id, payment = UUID(request.path_params["order_id"]), await body_of(request)
    paid = (minor(payment["amount"]), payment["currency"])
    await db_of(request).execute(PAY, order_id, payment["payment_id"], *paid)
    return await read(request)


async def hold(request: Request) -> Response:
    order_id, new = UUID(request.path_params["order_id"]), await body_of(request)
    name = hold_name(new["job_id"], new["round"])
    await db_of(request).fetchval(HOLD, order_id, new["job_id"], new["require_payment"], name)
    return await read(request)


async def ship(request: Request) -> Response:
    order_id, new = UUID(request.path_params["order_id"]), await body_of(request)
    await db_of(request).execute(SHIP, order_id, new["job_id"], new["shipment_id"])
    return await read(request)


app = service(
    Route("/orders", place, methods=["POST"]),
    Route("/orders/{order_id}", read),
    Route("/orders/{order_id}/payment", pay, methods=["PUT"]),
    Route("/orders/{order_id}/fulfilment", hold, methods=["PUT"]),
    Route("/orders/{order_id}/shipment", ship, methods=["PUT"]),
    peers=("cart", "product_catalogue", "customer"),
)
