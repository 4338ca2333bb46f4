"""shippingService, bare."""

import json
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shippingService.app import tracking
from shippingService.app.shipments import FIND, INSERT

from .bare import answer, body_of, db_of, peers_of, service, unit_of_work

CARRIER = "Sandbox Post"


async def create(request: Request) -> Response:
    new = await body_of(request)
    shipment_id, order_id = UUID(new["shipment_id"]), UUID(new["order_id"])
    await db_of(request).fetchrow(FIND, shipment_id)
    order = await peers_of(request)["order"].ask("GET", f"/orders/{order_id}")
    address = order["shipping_address"] and json.dumps(order["shipping_address"])
    async with unit_of_work(request) as db:
        await db.fetchval(INSERT, shipment_id, order_id, tracking.mint(), CARRIER, address)
        row = await db.fetchrow(FIND, shipment_id)
        assert row is not None
    events = [
        {name: event[name] for name in ("status", "location", "note", "at")}
        for event in json.loads(row["events"])
    ]
    place = row["address"] and json.loads(row["address"])
    return answer({**row, "address": place, "events": events}, 201)


app = service(Route("/shipments", create, methods=["POST"]), peers=("order",))
