"""The personal data in shipments: where they went, and what was noted on the way."""

from typing import Any
from uuid import UUID

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import shipments

AFTER = """
SELECT shipment_id FROM shipping.shipments
 WHERE order_id = ANY ($1) AND shipment_id > $2
UNION
SELECT shipment_id FROM shipping.claims
 WHERE order_id = ANY ($1) AND shipment_id > $2
 ORDER BY shipment_id LIMIT 500
"""

OF_IDS = f"{shipments.SHIPMENTS} WHERE shipment_id = ANY ($1) ORDER BY created_at, shipment_id"

# A function of the schema's owner: this service may write an address down, and never change one.
ERASE = "SELECT shipping.erase_shipments($1)"


async def after(db: Connection, request: SubjectRequest, done_to: UUID) -> list[UUID]:
    return [row["shipment_id"] for row in await db.fetch(AFTER, request.things, done_to)]


async def gather(db: Connection, shipment_ids: list[UUID]) -> list[Any]:
    rows = await db.fetch(OF_IDS, shipment_ids)
    return [shipments.as_shipment(row).model_dump(mode="json") for row in rows]


async def erase(db: Connection, shipment_ids: list[UUID]) -> None:
    await db.execute(ERASE, shipment_ids)


HOLDER = Holder("shipping", "shipping.subject_requests", after, gather, erase)


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["order"])
