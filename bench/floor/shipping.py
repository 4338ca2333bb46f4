"""shippingService, bare."""

import json
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shippingService.app import tracking
from shippingService.app.shipments import FIND, INSERT

from .bare import ANYBODY, answer, body_of, db_of, entries, peers_of, service, unit_of_work

CARRIER = "Sandbox Post"
PLAIN = ("shipment_id", "order_id", "tracking_number", "carrier", "status", "created_at")


async def create(request: Request) -> Response:
    new = await body_of(request)
    shipment_id, order_id = UUID(new["shipment_id"]), UUID(new["order_id"])
    await db_of(request).fetchrow(FIND, shipment_id, ANYBODY)
    order = await peers_of(request)["order"].ask("GET", f"/orders/{order_id}/shippable")
    address = order["shipping_address"] and json.dumps(order["shipping_address"])
    async with unit_of_work(request) as db:
        ids = (shipment_id, order_id, order["customer_id"])
        await db.fetchval(INSERT, *ids, tracking.mint(), CARRIER, address)
        row = await db.fetchrow(FIND, shipment_id, ANYBODY)
        assert row is not None
    events = entries(row["events"], "status", "location", "note", "at", "recorded_at")
    place = row["address"] and json.loads(row["address"])
    shown = {name: row[name] for name in PLAIN}
    return answer({**shown, "address": place, "events": events}, 201)


app = service(Route("/shipments", create, methods=["POST"]), peers=("order",))
