"""Making a parcel, across the order's service and ours.

A fulfilment job's order is held by the job, and knows which parcel it will get: that one is made,
and the job tells the order. By hand:

    1  read the order                          orders.read
    2  write the parcel down                   claims.write_down
    3  claim the order for it                  orders.claim
    4  the parcel is there                     shipments.create
       or, when the order is not to be had,    claims.discard
       it is not

Cut off before 2, nothing has happened. Cut off later, the claim tells whoever comes next where to
go on: the same request again, or the sweep. Stock is not touched: what is shipped by hand is taken
from it by hand.
"""

import asyncio
from uuid import UUID

from prometheus_client import Counter
from starlette.responses import Response

from chassis import Address, Connection, Context, Database, Once, Problem, resumed
from chassis.callers import LOCAL
from chassis.context import current

from . import claims, orders, shipments
from .claims import Claim
from .events import JOURNEY
from .orders import Order
from .schemas import NewShipment, Shipment
from .shipments import ShipmentIdTaken

# Counted once it is committed.
SHIPMENTS = Counter("shipments_total", "Parcels that came to a status.", ("status",))
for status in JOURNEY:
    SHIPMENTS.labels(status)


async def make(context: Context, once: Once, new: NewShipment) -> Response:
    """Make the parcel, or go on with what an earlier request began.

    Raises UnknownOrder, OrderNotShippable, AddressMissing, UnknownOrderStatus, ShipmentIdTaken, and
    DependencyUnavailable; the claim may stay then, to be finished later.
    """
    db = context.database
    if await shipments.stands(db, new.shipment_id):
        return await conclude(once, db, new, _parcel(new, new.shipment_id), None)
    order = await orders.read(context.peers["order"], new.order_id)
    if _promised(order, new):
        return await conclude(once, db, new, _parcel(new, new.shipment_id), order)
    began = await once.recall()
    claim = began and await claims.find(db, began)
    if began and not claim and await shipments.stands(db, began):
        return await conclude(once, db, new, _parcel(new, began), None)
    if not claim:
        if new.shipment_id is None or await claims.find(db, new.shipment_id) is None:
            orders.check(order, new.address)
        claim = await write_down(db, once, new, began)
    decided = await orders.claim(context.peers["order"], claim)
    if isinstance(decided, Problem):
        await claims.discard(db, claim.shipment_id)
        raise decided
    return await conclude(once, db, new, claim, decided)


def _promised(order: Order, new: NewShipment) -> bool:
    """Whether this is the parcel of the job that holds the order. Only a service may make it, or a
    caller without a token (AUTH_MODE=dev) that knows its id. A hold of an older version does not
    name its parcel."""
    caller = current().caller
    ours = caller.is_service or caller is LOCAL
    theirs = order.held and order.promised_shipment_id in (None, new.shipment_id)
    return ours and theirs and order.status in orders.OPEN and new.shipment_id is not None


def _parcel(new: NewShipment, shipment_id: UUID | None) -> Claim:
    assert shipment_id is not None
    address = Address.of(new.address) if new.address else None
    return Claim(shipment_id, new.order_id, new.carrier, address, None)


async def write_down(database: Database, once: Once, new: NewShipment, began: UUID | None) -> Claim:
    """Claim the key and write the parcel down, in one unit of work. `began` is what the key began
    before, and was refused for the time being.

    Returns the claim that is the key's now. Raises ShipmentIdTaken.
    """
    async with database.unit_of_work() as db:
        shipment_id: UUID = new.shipment_id or await db.fetchval("SELECT uuidv7()")
        earlier = await once.claim(db, shipment_id)
        if earlier is not None and earlier == began:
            earlier = await once.reassign(db, earlier, shipment_id)
        shipment_id = earlier or shipment_id
        await claims.write_down(db, shipment_id, new)
        claim = await claims.find(db, shipment_id) or _parcel(new, shipment_id)
        if claim.order_id != new.order_id:
            raise ShipmentIdTaken(f"{shipment_id} is for order {claim.order_id}.")
        return claim


async def conclude(
    once: Once, database: Database, new: NewShipment, parcel: Claim, order: Order | None
) -> Response:
    """The answer, with the parcel as it stands; made if it does not."""
    async with database.unit_of_work() as db:
        shipment, is_new = await settle(db, parcel, order)
        # The key knows what its answer is about, so that erasing its customer finds it.
        if is_new or new.shipment_id is None:
            location = f"/shipments/{shipment.shipment_id}"
            response = await once.created(db, shipment, location, about=new.order_id)
        else:
            response = await once.answer(db, 200, shipment, about=new.order_id)
    SHIPMENTS.labels("created").inc(is_new)
    return response


async def settle(db: Connection, parcel: Claim, order: Order | None) -> tuple[Shipment, bool]:
    """The shipment, and whether it is newly made. Its claim is deleted."""
    if order is None:
        return await shipments.standing(db, parcel.shipment_id, parcel.order_id), False
    made = await shipments.create(
        db, parcel, parcel.address or order.shipping_address, order.customer_id
    )
    if order.promised_shipment_id != parcel.shipment_id:
        await claims.discard(db, parcel.shipment_id)
    return made


async def finish_claims(context: Context) -> int:
    """The sweep: what was cut off is finished, or discarded.

    Raises what the first of them met, once all have been tried.
    """
    due = await claims.take_due(context.database)
    outcomes = await asyncio.gather(
        *(finish(context, each) for each in due), return_exceptions=True
    )
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
    return len(due)


async def finish(context: Context, claim: Claim) -> None:
    with resumed("claims", claim.traceparent):
        decided = await orders.claim(context.peers["order"], claim)
        if isinstance(decided, Problem):
            await claims.discard(context.database, claim.shipment_id)
            return
        async with context.database.unit_of_work() as db:
            _, is_new = await settle(db, claim, decided)
        SHIPMENTS.labels("created").inc(is_new)
