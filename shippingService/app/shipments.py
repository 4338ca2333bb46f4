"""One parcel of an order: where it goes, and how far it has come."""

import json
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from chassis import Address, Connection, NotFound, Page, Problem
from chassis.lists import NEWEST, conditions, decode, encode, page

from . import tracking
from .claims import Claim
from .orders import over
from .schemas import Shipment, Status

# Where a list begins, newest first: no parcel comes after it.
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# With its first event.
INSERT = """
WITH made AS (
    INSERT INTO shipping.shipments
           (shipment_id, order_id, customer_id, tracking_number, carrier, address)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING shipment_id, status
)
INSERT INTO shipping.shipment_events (shipment_id, seq, status)
SELECT shipment_id, 1, status FROM made
RETURNING true
"""

# One statement, so that the status and the events are of the same moment.
SHIPMENTS = """
SELECT shipment.*, (
    SELECT jsonb_agg(to_jsonb(event) ORDER BY at, seq)
      FROM shipping.shipment_events event WHERE event.shipment_id = shipment.shipment_id
) AS events FROM shipping.shipments shipment
"""

FIND = SHIPMENTS + "WHERE shipment_id = $1 AND ($2::uuid IS NULL OR customer_id = $2)"

# By time and not by id alone: an id of the caller's choosing need not sort. The ids first, which an
# index tells alone: asked for whole rows, the planner rather passes by all shipments, the newest
# first, until enough have the status; few may. The limit is a number here, for a cached plan takes
# any other for a tenth of the table.
PAGE = """
 WHERE shipment_id IN (
       SELECT shipment_id FROM shipping.shipments
        WHERE (created_at, shipment_id) < ($1, $2){filters}
        ORDER BY created_at DESC, shipment_id DESC LIMIT {limit})
 ORDER BY created_at DESC, shipment_id DESC
"""
LIST = SHIPMENTS + PAGE


class ShipmentIdTaken(Problem, status=409):
    """A shipment of another order has this id.

    Choose a new id for a new shipment.
    """


async def stands(db: Connection, shipment_id: UUID | None) -> bool:
    """Whether an earlier request made this shipment. One without an id never did."""
    return shipment_id is not None and await db.fetchrow(FIND, shipment_id, None) is not None


async def create(
    db: Connection, parcel: Claim, address: Address | None, customer_id: UUID | None
) -> tuple[Shipment, bool]:
    """The shipment, and whether it is newly made. Safe to repeat.

    To be called in a unit of work. Raises ShipmentIdTaken, OrderNotShippable.
    """
    place = address and address.model_dump_json()
    ids = (parcel.shipment_id, parcel.order_id, customer_id)
    is_new = await db.fetchval(INSERT, *ids, tracking.mint(), parcel.carrier, place)
    return await standing(db, parcel.shipment_id, parcel.order_id), bool(is_new)


async def standing(db: Connection, shipment_id: UUID, order_id: UUID) -> Shipment:
    """Raises ShipmentIdTaken, or OrderNotShippable where the order has another parcel."""
    row = await db.fetchrow(FIND, shipment_id, None)
    if row is None:
        raise over("fulfilled", None)
    shipment = as_shipment(row)
    if shipment.order_id != order_id:
        raise ShipmentIdTaken(f"{shipment_id} is a shipment of order {shipment.order_id}.")
    return shipment


async def find(db: Connection, shipment_id: UUID, owner: UUID | None = None) -> Shipment:
    """Raises NotFound, also for a shipment that is not the owner's."""
    row = await db.fetchrow(FIND, shipment_id, owner)
    if row is None:
        raise NotFound(f"There is no shipment {shipment_id}.")
    return as_shipment(row)


async def listed(
    db: Connection,
    order_id: UUID | None,
    status: Status | None,
    limit: int,
    cursor: str | None,
    owner: UUID | None,
) -> Page[Shipment]:
    """Newest first; each filter that is None lets everything through."""
    after = decode(cursor, datetime.fromisoformat, UUID) or (END_OF_TIME, NEWEST)
    wanted = {"order_id = {}": order_id, "status = {}": status, "customer_id = {}": owner}
    filters, values = conditions(wanted, first=3)
    rows = await db.fetch(LIST.format(filters=filters, limit=limit + 1), *after, *values)
    return page(rows, limit, as_shipment, lambda row: encode(row["created_at"], row["shipment_id"]))


def as_shipment(row: Record) -> Shipment:
    address = row["address"] and json.loads(row["address"])
    events = json.loads(row["events"])
    return Shipment.model_validate({**row, "address": address, "events": events})
