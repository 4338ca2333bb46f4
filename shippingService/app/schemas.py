"""What goes in and out of shipping."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from chassis import Address, Input, LongText, NewAddress, Output, Text, Timestamp

Status = Literal["created", "dispatched", "in_transit", "delivered", "returned"]
EventStatus = Literal["created", "dispatched", "in_transit", "delivered", "returned", "exception"]
Line = Annotated[Text, Field(max_length=200)]


class NewShipment(Input):
    """Without an address, the parcel goes where the order says. With a `shipment_id` of the
    caller's choosing, the request may be repeated: it makes that one shipment."""

    order_id: UUID
    shipment_id: UUID | None = None
    address: NewAddress | None = None
    carrier: Annotated[Text, Field(max_length=60)] = "Sandbox Post"


def _with_zone(given: Any) -> Any:
    if not isinstance(given, str) or not RFC_3339.fullmatch(given):
        raise ValueError("must be a time of RFC 3339 with its zone, such as 2026-01-31T09:30:00Z")
    return given


# Of this millennium: any other is a mistake, and some cannot be converted to UTC.
RFC_3339 = re.compile(
    r"2\d{3}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
Moment = Annotated[AwareDatetime, BeforeValidator(_with_zone)]


class NewEvent(Input):
    """`at` is the carrier's time; without one, now. An `exception` tells of a hitch, and moves
    nothing."""

    status: EventStatus
    location: Line | None = None
    note: Annotated[LongText, Field(max_length=1000)] | None = None
    at: Moment | None = None


class Event(Output):
    """`at` is when it happened, as the carrier says, `recorded_at` when it became known here."""

    status: EventStatus
    location: str | None
    note: str | None
    at: Timestamp
    recorded_at: Timestamp


class Shipment(Output):
    """`events` are all that is known of its journey, in the order of the carrier's time; `status`
    is how far it has come, whatever was told late."""

    shipment_id: UUID
    order_id: UUID
    tracking_number: Annotated[str, Field(examples=["SP7Q4MZK0T9V2XB"])]
    carrier: str
    status: Status
    address: Address | None
    events: list[Event]
    created_at: Timestamp
