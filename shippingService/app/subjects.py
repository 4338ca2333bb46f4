"""The personal data in shipments: where they went, and what was noted on the way."""

from typing import Any

from chassis import Connection, Context
from chassis.subjects import Holder, SubjectRequest

from . import shipments

OF_ORDERS = f"{shipments.SHIPMENTS} WHERE order_id = ANY ($1) ORDER BY created_at, shipment_id"

# A function of the schema's owner: this service may write an address down, and never change one.
ERASE = "SELECT shipping.erase($1)"


async def gather(db: Connection, request: SubjectRequest) -> list[Any]:
    rows = await db.fetch(OF_ORDERS, request.things)
    return [shipments.as_shipment(row).model_dump(mode="json") for row in rows]


async def erase(db: Connection, request: SubjectRequest) -> None:
    await db.execute(ERASE, request.things)


HOLDER = Holder("shipping", "shipping.subject_requests", gather, erase)


async def follow(context: Context) -> int:
    return await HOLDER.follow(context, context.peers["order"])
