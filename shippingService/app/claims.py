"""Claims: parcels made by hand, written down before their order is told, so that a sweep can finish
them.

A claim is not shown to clients. It becomes a shipment when orderService says that it ships the
order, and is discarded when the order refuses it. Either step may be repeated: the order decides
once, and each repetition gets the same answer.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from chassis import Address, Connection, Parked
from chassis.context import current

from .schemas import NewShipment

FIND = """
SELECT shipment_id, order_id, carrier, address, traceparent
  FROM shipping.claims WHERE shipment_id = $1
"""

WRITE_DOWN = """
INSERT INTO shipping.claims (shipment_id, order_id, carrier, address, traceparent)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""

DISCARD = "DELETE FROM shipping.claims WHERE shipment_id = $1"

# Lease and back-off in one: 2, 4, 8, then 10 seconds, a quarter more or less.
TAKE_DUE = """
UPDATE shipping.claims
   SET attempts = attempts + 1,
       next_attempt_at = now() + interval '1 second' * (0.75 + random() / 2)
                               * least(10, 2 ^ least(attempts + 1, 4))
 WHERE shipment_id IN (
    SELECT shipment_id FROM shipping.claims WHERE next_attempt_at <= now()
     ORDER BY next_attempt_at LIMIT 20 FOR UPDATE SKIP LOCKED)
RETURNING shipment_id, order_id, carrier, address, traceparent
"""

UNFINISHED = "SELECT created_at FROM shipping.claims ORDER BY next_attempt_at"

# After so many attempts, more than a minute of them, somebody should look.
PARKED = Parked(
    rows="""
    SELECT shipment_id AS item_id, 'a parcel made by hand, for order ' || order_id AS about,
           attempts, created_at AS since, next_attempt_at
      FROM shipping.claims WHERE attempts >= 12
    """,
    retry="""
    UPDATE shipping.claims SET attempts = 0, next_attempt_at = now() WHERE shipment_id = $1
    """,
)


@dataclass(frozen=True)
class Claim:
    """What is needed to make the parcel. Without an address it goes where the order says."""

    shipment_id: UUID
    order_id: UUID
    carrier: str
    address: Address | None
    traceparent: str | None


def as_claim(row: Record) -> Claim:
    address = row["address"] and Address.model_validate(json.loads(row["address"]))
    return Claim(**{**row, "address": address})


async def find(db: Connection, shipment_id: UUID) -> Claim | None:
    row = await db.fetchrow(FIND, shipment_id)
    return as_claim(row) if row else None


async def write_down(db: Connection, shipment_id: UUID, new: NewShipment) -> None:
    """Safe to repeat: one that stands is left as it is."""
    address = new.address and Address.of(new.address).model_dump_json()
    head = (shipment_id, new.order_id, new.carrier, address)
    await db.execute(WRITE_DOWN, *head, current().trace)


async def discard(db: Connection, shipment_id: UUID) -> None:
    """Delete a claim that was refused, or is a shipment now. Safe to repeat."""
    await db.execute(DISCARD, shipment_id)


async def take_due(db: Connection) -> list[Claim]:
    """Claims that were left unfinished; another process does not get them for a while."""
    return [as_claim(row) for row in await db.fetch(TAKE_DUE)]
