"""What goes in and out of orders."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import (
    Address,
    Amount,
    Changes,
    Currency,
    Flag,
    Input,
    LongText,
    NewAddress,
    Output,
    Timestamp,
)

Status = Literal["pending", "paid", "fulfilled", "cancelled", "refunded"]
Major = Annotated[str, Field(examples=["19.99"])]


class NewOrder(
    Input,
    example={
        "customer_id": "0190b6a8-7a63-7000-8000-000000000000",
        "cart_id": "0190b6a8-7a63-7000-8000-000000000000",
        "shipping_address": {
            "line1": "12 Eyre Square",
            "city": "Galway",
            "postal_code": "H91 X6X6",
            "country": "IE",
        },
        "expected_total": "9.90",
    },
):
    """Without a `shipping_address`, the order goes where the customer lives.

    With an `expected_total`, in the currency of the cart, it is only placed if it comes to that.
    """

    customer_id: UUID
    cart_id: UUID
    shipping_address: NewAddress | None = None
    """Where the order goes. Left out, it goes where the customer lives."""
    expected_total: Amount | None = None
    """What the customer has seen. The order is refused when it comes to something else."""


class OrderChanges(
    Changes,
    example={
        "shipping_address": {
            "line1": "12 Eyre Square",
            "city": "Galway",
            "postal_code": "H91 X6X6",
            "country": "IE",
        }
    },
):
    """An address is replaced as a whole; an order that has one keeps one."""

    shipping_address: NewAddress | None = None
    """Where the order goes from now on. Left out, the address stays as it is."""


class Cancellation(Input, example={"reason": "Ordered twice"}):
    reason: Annotated[LongText, Field(max_length=1000)] | None = None
    """In words, for whoever reads it later."""


class CapturedPayment(Input):
    payment_id: UUID
    amount: Amount
    """In major units of the currency, exactly."""
    currency: Currency


class RefundedPayment(Input):
    payment_id: UUID


Round = Annotated[int, Field(ge=1, le=1_000_000, description="How often the job began anew.")]


class JobClaim(Input):
    job_id: UUID
    shipment_id: UUID
    """The id of the parcel that the job will make."""
    round: Annotated[Round, Field(strict=True)] = 1
    """How often the job began anew."""
    require_payment: Flag = True
    """Whether the order has to be paid first."""


class JobShipment(Input):
    job_id: UUID
    shipment_id: UUID


class ParcelClaim(Input):
    """A claim on an order by a parcel that was made by hand."""

    shipment_id: UUID
    has_address: Flag
    """Whether the parcel has an address of its own. Without one, it goes where the order says."""


class Payable(Output):
    """An order as far as a payment or the ledger needs it."""

    order_id: UUID
    customer_id: UUID
    status: Status
    total: Major
    """The exact sum of the lines."""
    currency: str
    payment_id: UUID | None


class CancelledPayment(Output):
    """The payment of an order that was cancelled after it was paid."""

    order_id: UUID
    payment_id: UUID
    traceparent: str | None
    """Of the request that cancelled it."""


class OrderLine(Output):
    sku: str
    name: str
    quantity: int
    unit_price: Major
    """Of one, as the catalogue said."""
    line_total: Major
    """Unit price times quantity."""


class Entry(Output):
    """When the order came to this status; `reason` is what a canceller gave."""

    status: Status
    at: Timestamp
    """When it happened."""
    reason: str | None
    """Why it was cancelled, in the words of whoever did it."""


class Order(Output):
    """`fulfilment_job_id` is the job that is getting the order out, or has; `trace_id` is of the
    request that began to place it."""

    order_id: UUID
    customer_id: UUID
    cart_id: UUID
    status: Status
    lines: list[OrderLine]
    """What was ordered, as in the cart."""
    total: Major
    """The exact sum of the lines."""
    currency: str
    shipping_address: Address | None
    """Where it goes; null if nobody has said, or it was erased."""
    payment_id: UUID | None
    """The payment that paid it; null until one has."""
    fulfilment_job_id: UUID | None
    """The job that is getting the order out, or has."""
    shipment_id: UUID | None
    """The parcel that it was shipped by; null until then."""
    created_at: Timestamp
    updated_at: Timestamp
    history: list[Entry]
    """Each status, and since when."""
    trace_id: str | None
    """Of the W3C trace of the request that began it."""


class OrderStanding(Output):
    """The status of an order, for a service that moves it."""

    order_id: UUID
    status: Status
    fulfilment_job_id: UUID | None
    """The job that is getting the order out, or has."""
    shipment_id: UUID | None


class FulfillableLine(Output):
    sku: str
    quantity: int


class Fulfillable(Output):
    """An order as far as a fulfilment job needs it."""

    order_id: UUID
    status: Status
    shipment_id: UUID | None
    has_address: bool
    """Whether it is known where the order goes."""
    lines: list[FulfillableLine]
    """What was ordered, as in the cart."""


class Shippable(Output):
    """An order as far as a parcel needs it."""

    order_id: UUID
    customer_id: UUID
    status: Status
    held: bool
    """Whether a fulfilment job is getting the order out, or has."""
    promised_shipment_id: UUID | None
    """The parcel that this job makes."""
    shipment_id: UUID | None
    shipping_address: Address | None
    """Where the order goes; null if nobody has said, or it was erased."""
