"""What goes in and out of shipping."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Address, Input, LongText, NewAddress, Output, Text, Timestamp

Status = Literal["created", "dispatched", "in_transit", "delivered", "returned"]
Line = Annotated[Text, Field(max_length=200)]


class NewShipment(Input):
    """Without an address, the parcel goes where the order says. With a `shipment_id` of the
    caller's choosing, the request may be repeated: it makes that one shipment."""

    order_id: UUID
    shipment_id: UUID | None = None
    address: NewAddress | None = None
    carrier: Annotated[Text, Field(max_length=60)] = "Sandbox Post"


class NewEvent(Input):
    status: Status
    location: Line | None = None
    note: Annotated[LongText, Field(max_length=1000)] | None = None


class Event(Output):
    status: Status
    location: str | None
    note: str | None
    at: Timestamp


class Shipment(Output):
    """`events` is its whole journey, oldest first; `status` is the last one's."""

    shipment_id: UUID
    order_id: UUID
    tracking_number: Annotated[str, Field(examples=["SP7Q4MZK0T9V2XB"])]
    carrier: str
    status: Status
    address: Address | None
    events: list[Event]
    created_at: Timestamp
