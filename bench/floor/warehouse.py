"""warehouseService, bare."""

import json
from typing import Any
from uuid import UUID

from asyncpg.pool import PoolConnectionProxy
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouseService.app.goods import HOLD, LOCK_ALL_OF, SEND_OUT
from warehouseService.app.reservations import CLAIM, COMMIT, FIND
from warehouseService.app.stock import LOCK

from .bare import answer, body_of, service, unit_of_work

EXPIRES_SECONDS = 900


async def found(db: PoolConnectionProxy, reservation_id: UUID) -> dict[str, Any]:
    row = await db.fetchrow(FIND, reservation_id)
    assert row is not None
    items = sorted(json.loads(row["items"]).items())
    return {**row, "items": [{"sku": sku, "quantity": number} for sku, number in items]}


async def reserve(request: Request) -> Response:
    asked = await body_of(request)
    reservation_id, items = UUID(asked["reservation_id"]), asked["items"]
    skus = [item["sku"] for item in items]
    async with unit_of_work(request) as db:
        await db.fetchval(CLAIM, reservation_id, asked["order_id"], EXPIRES_SECONDS, None)
        await db.execute(LOCK, skus)
        await db.fetch(HOLD, reservation_id, skus, [item["quantity"] for item in items])
        return answer(await found(db, reservation_id), 201)


async def commit(request: Request) -> Response:
    reservation_id = UUID(request.path_params["reservation_id"])
    await body_of(request)
    async with unit_of_work(request) as db:
        await db.fetchval(COMMIT, reservation_id)
        await db.execute(LOCK_ALL_OF, [reservation_id])
        await db.execute(SEND_OUT, reservation_id)
        return answer(await found(db, reservation_id))


app = service(
    Route("/reservations", reserve, methods=["POST"]),
    Route("/reservations/{reservation_id}/commit", commit, methods=["POST"]),
)
