"""cartService, bare."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cartService.app.carts import ADD, CHECK_OUT, CREATE, FIND

from .bare import answer, body_of, db_of, major, minor, peers_of, service, unit_of_work


def cart(rows: Sequence[Record]) -> dict[str, Any]:
    head, lines = rows[0], [row for row in rows if row["sku"] is not None]
    total = sum(line["quantity"] * line["unit_price_minor"] for line in lines)
    return {
        "cart_id": head["cart_id"],
        "customer_id": head["customer_id"],
        "status": head["status"],
        "order_id": head["order_id"],
        "items": [item(line) for line in lines],
        "item_count": sum(line["quantity"] for line in lines),
        "subtotal": major(total) if lines else None,
        "currency": lines[0]["currency"] if lines else None,
        "version": head["version"],
        "updated_at": head["updated_at"],
    }


def item(line: Record) -> dict[str, Any]:
    return {
        "sku": line["sku"],
        "name": line["name"],
        "quantity": line["quantity"],
        "unit_price": major(line["unit_price_minor"]),
        "currency": line["currency"],
        "line_total": major(line["unit_price_minor"] * line["quantity"]),
    }


async def create(request: Request) -> Response:
    await body_of(request)
    async with unit_of_work(request) as db:
        return answer(cart(await db.fetch(CREATE, None)), 201)


async def read(request: Request) -> Response:
    rows = await db_of(request).fetch(FIND, UUID(request.path_params["cart_id"]))
    return answer(cart(rows))


async def add(request: Request) -> Response:
    cart_id, new = UUID(request.path_params["cart_id"]), await body_of(request)
    found = await peers_of(request)["product_catalogue"].ask("GET", f"/products?sku={new['sku']}")
    (offer,) = found["items"]
    price = minor(offer["price"])
    async with unit_of_work(request) as db:
        row = (cart_id, offer["sku"], offer["name"], new["quantity"], price, offer["currency"])
        await db.fetchval(ADD, *row)
        return answer(cart(await db.fetch(FIND, cart_id)))


async def check_out(request: Request) -> Response:
    cart_id, asked = UUID(request.path_params["cart_id"]), await body_of(request)
    await db_of(request).fetchval(CHECK_OUT, cart_id, asked["order_id"], asked["version"])
    return answer(cart(await db_of(request).fetch(FIND, cart_id)))


app = service(
    Route("/carts", create, methods=["POST"]),
    Route("/carts/{cart_id}", read),
    Route("/carts/{cart_id}/items", add, methods=["POST"]),
    Route("/carts/{cart_id}/checkout", check_out, methods=["PUT"]),
    peers=("product_catalogue",),
)
