"""Shipping over HTTP."""

from uuid import UUID

from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    ContextOf,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    Router,
    admits,
    owner,
    refusals,
)

from . import events, making, shipments
from .events import TooManyEvents
from .making import SHIPMENTS
from .orders import AddressMissing, OrderNotShippable, UnknownOrder, UnknownOrderStatus
from .schemas import NewEvent, NewShipment, Shipment, Status
from .shipments import ShipmentIdTaken

router = Router(tags=["shipments"])


@router.post(
    "/shipments",
    status_code=201,
    response_model=Shipment,
    responses={
        200: {"model": Shipment, "description": "It stands already."},
        **refusals(
            UnknownOrder, OrderNotShippable, AddressMissing, UnknownOrderStatus, ShipmentIdTaken
        ),
    },
)
@admits("staff", services=("fulfilment",))
async def create_shipment(new: NewShipment, once: OnceOnly, context: ContextOf) -> Response:
    """Ship a parcel of the whole order, which makes it fulfilled. It is not cancelled any more, and
    no stock is touched: a fulfilment job does that."""
    return await making.make(context, once, new)


@router.get("/shipments")
@admits("customer", "staff")
async def list_shipments(
    db: Db,
    order_id: UUID | None = None,
    status: Status | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Shipment]:
    """Newest first."""
    return await shipments.listed(db, order_id, status, limit, cursor, owner())


@router.get("/shipments/{shipment_id}")
@admits("customer", "staff")
async def read_shipment(shipment_id: UUID, db: Db) -> Shipment:
    """Where the parcel goes, and what has happened to it."""
    return await shipments.find(db, shipment_id, owner())


@router.post(
    "/shipments/{shipment_id}/events",
    response_model=Shipment,
    responses=refusals(TooManyEvents),
)
@admits("staff")
async def record_event(shipment_id: UUID, event: NewEvent, once: OnceOnly) -> Response:
    """Record what happened to a parcel. It moves forward only; what was told before is left as it
    is, and what is told late is kept without moving it."""
    async with once.unit_of_work() as db:
        moved = await events.record(db, shipment_id, event)
        shipment = await shipments.find(db, shipment_id)
        response = await once.answer(db, 200, shipment, about=shipment.order_id)
    if moved:
        SHIPMENTS.labels(event.status).inc()
    return response
