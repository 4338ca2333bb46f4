"""What goes in and out of shipping."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from chassis import Address, Input, LongText, NewAddress, Output, Text, Timestamp

Status = Literal["created", "dispatched", "in_transit", "delivered", "returned"]
EventStatus = Literal["created", "dispatched", "in_transit", "delivered", "returned", "exception"]
Line = Annotated[Text, Field(max_length=200)]


class NewShipment(
    Input,
    example={
        "order_id": "0190b6a8-7a63-7000-8000-000000000000",
        "address": {
            "line1": "12 Eyre Square",
            "city": "Galway",
            "postal_code": "H91 X6X6",
            "country": "IE",
        },
        "carrier": "an-post",
    },
):
    """Without an address, the parcel goes where the order says. With a `shipment_id` of the
    caller's choosing, the request may be repeated: it makes that one shipment."""

    order_id: UUID
    shipment_id: UUID | None = None
    address: NewAddress | None = None
    """Left out, the order's."""
    carrier: Annotated[Text, Field(max_length=60)] = "Sandbox Post"
    """Who carries the parcel."""


def _with_zone(given: Any) -> Any:
    if not isinstance(given, str) or not RFC_3339.fullmatch(given):
        raise ValueError("must be a time of RFC 3339 with its zone, such as 2026-01-31T09:30:00Z")
    return given


# Of this millennium: any other is a mistake, and some cannot be converted to UTC.
RFC_3339 = re.compile(
    r"2\d{3}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
Moment = Annotated[AwareDatetime, BeforeValidator(_with_zone)]


class NewEvent(Input, example={"status": "dispatched", "location": "Galway"}):
    """`at` is the carrier's time; without one, now. An `exception` tells of a hitch, and moves
    nothing."""

    status: EventStatus
    location: Line | None = None
    """Where the parcel was, as the carrier names it."""
    note: Annotated[LongText, Field(max_length=1000)] | None = None
    """What the carrier adds."""
    at: Moment | None = None
    """The carrier's time. Left out, now."""


class Event(Output):
    """`at` is when it happened, as the carrier says, `recorded_at` when it became known here."""

    status: EventStatus
    location: str | None
    """Where the parcel was, as the carrier names it."""
    note: str | None
    """What the carrier adds."""
    at: Timestamp
    """The carrier's time."""
    recorded_at: Timestamp
    """When it was told to us."""


class Shipment(Output):
    """`events` are all that is known of its journey, in the order of the carrier's time; `status`
    is how far it has come, whatever was told late."""

    shipment_id: UUID
    order_id: UUID
    tracking_number: Annotated[str, Field(examples=["SP7Q4MZK0T9V2XB"])]
    """Under which the carrier knows the parcel."""
    carrier: str
    """Who carries the parcel."""
    status: Status
    address: Address | None
    """Null once its customer was erased."""
    events: list[Event]
    """What has happened to the parcel, in the carrier's order."""
    created_at: Timestamp
