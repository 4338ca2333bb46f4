"""Shipping over HTTP."""

from uuid import UUID

from prometheus_client import Counter
from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    Address,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    PeersOf,
    Router,
    admits,
    owner,
    refusals,
)

from . import orders, shipments
from .orders import OrderNotShippable, UnknownOrder
from .schemas import NewEvent, NewShipment, Shipment
from .shipments import MAY_FOLLOW, IllegalTransition, ShipmentIdTaken

# Counted once it is committed.
SHIPMENTS = Counter("shipments_total", "Parcels that came to a status.", ("status",))
for status in MAY_FOLLOW:
    SHIPMENTS.labels(status)

router = Router(tags=["shipments"])


@router.post(
    "/shipments",
    status_code=201,
    response_model=Shipment,
    responses={
        200: {"model": Shipment, "description": "It stands already."},
        **refusals(UnknownOrder, OrderNotShippable, ShipmentIdTaken),
    },
)
@admits("staff", services=("fulfilment",))
async def create_shipment(new: NewShipment, db: Db, peers: PeersOf, once: OnceOnly) -> Response:
    """Ship a parcel. An order may have several."""
    address, customer_id = Address.of(new.address) if new.address else None, None
    if not await shipments.stands(db, new.shipment_id):
        order = await orders.find_shippable(peers["order"], new.order_id)
        address = address or order.shipping_address
        customer_id = order.customer_id
    async with once.unit_of_work() as work:
        shipment, is_new = await shipments.create(work, new, address, customer_id)
        location = f"/shipments/{shipment.shipment_id}"
        # The key knows which order its answer is about, so that erasing its customer finds it.
        response = (
            await once.created(work, shipment, location, about=new.order_id)
            if is_new
            else await once.answer(work, 200, shipment, about=new.order_id)
        )
    SHIPMENTS.labels("created").inc(is_new)
    return response


@router.get("/shipments")
@admits("customer", "staff")
async def list_shipments(
    db: Db, order_id: UUID | None = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Shipment]:
    """Newest first."""
    return await shipments.listed(db, order_id, limit, cursor, owner())


@router.get("/shipments/{shipment_id}")
@admits("customer", "staff")
async def read_shipment(shipment_id: UUID, db: Db) -> Shipment:
    return await shipments.find(db, shipment_id, owner())


@router.post(
    "/shipments/{shipment_id}/events",
    response_model=Shipment,
    responses=refusals(IllegalTransition),
)
@admits("staff")
async def record_event(shipment_id: UUID, event: NewEvent, once: OnceOnly) -> Response:
    """Record that a parcel has moved. Steps may be left out, never taken back; `returned` may
    follow once it is dispatched, and nothing follows `returned`."""
    async with once.unit_of_work() as db:
        shipment = await shipments.move(db, shipment_id, event)
        response = await once.answer(db, 200, shipment, about=shipment.order_id)
    SHIPMENTS.labels(event.status).inc()
    return response
