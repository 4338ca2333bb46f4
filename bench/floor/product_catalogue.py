"""product_catalogueService, bare."""

import json
from typing import Any

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from product_catalogueService.app.products import FIND, FIND_MANY

from .bare import answer, db_of, major, service


def product(row: Record) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "name": row["name"],
        "description": row["description"],
        "price": major(row["price_minor"]),
        "currency": row["currency"],
        "category": row["category"],
        "attributes": json.loads(row["attributes"]),
        "active": row["active"],
        "version": row["version"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


async def read(request: Request) -> Response:
    row = await db_of(request).fetchrow(FIND, request.path_params["sku"])
    assert row is not None
    return answer(product(row))


async def read_many(request: Request) -> Response:
    rows = await db_of(request).fetch(FIND_MANY, request.query_params.getlist("sku"))
    return answer({"items": [product(row) for row in rows], "next_cursor": None})


app = service(Route("/products", read_many), Route("/products/{sku}", read))
