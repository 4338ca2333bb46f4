"""One parcel of an order: where it goes, and how far it has come."""

import json
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from chassis import Address, Connection, NotFound, Page, Problem
from chassis.lists import NEWEST, conditions, decode, encode, page

from . import tracking
from .schemas import NewEvent, NewShipment, Shipment, Status

# Where a list begins, newest first: no parcel comes after it.
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# With its first event.
INSERT = """
WITH made AS (
    INSERT INTO shipping.shipments
           (shipment_id, order_id, customer_id, tracking_number, carrier, address)
    VALUES (coalesce($1, uuidv7()), $2, $3, $4, $5, $6)
    ON CONFLICT (shipment_id) DO NOTHING
    RETURNING shipment_id, status
)
INSERT INTO shipping.shipment_events (shipment_id, seq, status)
SELECT shipment_id, 1, status FROM made
RETURNING shipment_id
"""

MOVE = """
UPDATE shipping.shipments SET status = $2 WHERE shipment_id = $1 AND status = ANY ($3)
RETURNING true
"""

# A statement after MOVE, whose row lock makes the events of a shipment come one by one.
INSERT_EVENT = """
INSERT INTO shipping.shipment_events (shipment_id, seq, status, location, note)
SELECT $1, count(*) + 1, $2, $3, $4 FROM shipping.shipment_events WHERE shipment_id = $1
"""

# One statement, so that the status and the events are of the same moment.
SHIPMENTS = """
SELECT shipment.*, (
    SELECT jsonb_agg(to_jsonb(event) ORDER BY seq)
      FROM shipping.shipment_events event WHERE event.shipment_id = shipment.shipment_id
) AS events FROM shipping.shipments shipment
"""

FIND = SHIPMENTS + "WHERE shipment_id = $1 AND ($2::uuid IS NULL OR customer_id = $2)"

# By time and not by id alone: an id of the caller's choosing need not sort.
LIST = (
    SHIPMENTS
    + """
 WHERE (created_at, shipment_id) < ($2, $3){filters}
 ORDER BY created_at DESC, shipment_id DESC LIMIT $1
"""
)

# Forward only, though a scan may be missed. What has left can come back until it is returned.
MAY_FOLLOW: dict[Status, tuple[Status, ...]] = {
    "created": (),
    "dispatched": ("created",),
    "in_transit": ("created", "dispatched"),
    "delivered": ("created", "dispatched", "in_transit"),
    "returned": ("dispatched", "in_transit", "delivered"),
}


class ShipmentIdTaken(Problem, status=409):
    """A shipment of another order has this id.

    Choose a new id for a new shipment.
    """


class IllegalTransition(Problem, status=409):
    """A parcel only moves forward: created, dispatched, in_transit, delivered; or returned.

    Read the shipment to see how far it is.
    """

    def __init__(self, current: Status, asked: Status) -> None:
        detail = f"The shipment is {current}; {asked} cannot follow."
        super().__init__(detail, **{"from": current, "to": asked})
        # What has not left yet may still leave, and come back.
        self.remembered = current != "created"


async def stands(db: Connection, shipment_id: UUID | None) -> bool:
    """Whether an earlier request made this shipment. One without an id never did."""
    return shipment_id is not None and await db.fetchrow(FIND, shipment_id, None) is not None


async def create(
    db: Connection, new: NewShipment, address: Address | None, customer_id: UUID | None
) -> tuple[Shipment, bool]:
    """The shipment, and whether it is newly made: with an id, it is safe to repeat.

    To be called in a unit of work. Raises ShipmentIdTaken.
    """
    place = address and address.model_dump_json()
    ids = (new.shipment_id, new.order_id, customer_id)
    shipment_id = await db.fetchval(INSERT, *ids, tracking.mint(), new.carrier, place)
    if shipment_id is None:
        assert new.shipment_id is not None
        return await _standing(db, new.shipment_id, new.order_id), False
    return await find(db, shipment_id), True


async def _standing(db: Connection, shipment_id: UUID, order_id: UUID) -> Shipment:
    shipment = await find(db, shipment_id)
    if shipment.order_id != order_id:
        raise ShipmentIdTaken(f"{shipment_id} is a shipment of order {shipment.order_id}.")
    return shipment


async def move(db: Connection, shipment_id: UUID, event: NewEvent) -> Shipment:
    """Write what happened to the parcel, in the caller's unit of work.

    Raises NotFound, IllegalTransition.
    """
    if not await db.fetchval(MOVE, shipment_id, event.status, MAY_FOLLOW[event.status]):
        shipment = await find(db, shipment_id)
        raise IllegalTransition(shipment.status, event.status)
    await db.execute(INSERT_EVENT, shipment_id, event.status, event.location, event.note)
    return await find(db, shipment_id)


async def find(db: Connection, shipment_id: UUID, owner: UUID | None = None) -> Shipment:
    """Raises NotFound, also for a shipment that is not the owner's."""
    row = await db.fetchrow(FIND, shipment_id, owner)
    if row is None:
        raise NotFound(f"There is no shipment {shipment_id}.")
    return as_shipment(row)


async def listed(
    db: Connection, order_id: UUID | None, limit: int, cursor: str | None, owner: UUID | None
) -> Page[Shipment]:
    """Shipments, of one order if named, newest first."""
    after = decode(cursor, datetime.fromisoformat, UUID) or (END_OF_TIME, NEWEST)
    wanted = {"order_id = {}": order_id, "customer_id = {}": owner}
    filters, values = conditions(wanted, first=4)
    rows = await db.fetch(LIST.format(filters=filters), limit + 1, *after, *values)
    return page(rows, limit, as_shipment, lambda row: encode(row["created_at"], row["shipment_id"]))


def as_shipment(row: Record) -> Shipment:
    address = row["address"] and json.loads(row["address"])
    events = json.loads(row["events"])
    return Shipment.model_validate({**row, "address": address, "events": events})
