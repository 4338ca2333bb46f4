"""What goes in and out of shipping."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Input, LongText, Output, Text, Timestamp

Status = Literal["created", "dispatched", "in_transit", "delivered", "returned"]
Line = Annotated[Text, Field(max_length=200)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["DE"])]


class Address(Input):
    """Where a parcel goes; `country` is ISO 3166-1 alpha-2."""

    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Annotated[Text, Field(max_length=20)]
    country: Country


class NewShipment(Input):
    """Without an address, the parcel goes where the order says. With a `shipment_id` of the
    caller's choosing, the request may be repeated: it makes that one shipment."""

    order_id: UUID
    shipment_id: UUID | None = None
    address: Address | None = None
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
