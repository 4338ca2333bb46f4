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


class NewOrder(Input):
    """Without a `shipping_address`, the order goes where the customer lives.

    With an `expected_total`, in the currency of the cart, it is only placed if it comes to that.
    """

    customer_id: UUID
    cart_id: UUID
    shipping_address: NewAddress | None = None
    expected_total: Amount | None = None


class OrderChanges(Changes):
    """An address is replaced as a whole; an order that has one keeps one."""

    shipping_address: NewAddress | None = None


class Cancellation(Input):
    reason: Annotated[LongText, Field(max_length=1000)] | None = None


class CapturedPayment(Input):
    payment_id: UUID
    amount: Amount
    currency: Currency


class RefundedPayment(Input):
    payment_id: UUID


Round = Annotated[int, Field(ge=1, le=1_000_000, description="How often the job began anew.")]


class JobClaim(Input):
    job_id: UUID
    shipment_id: UUID  # of the parcel that it will make
    round: Annotated[Round, Field(strict=True)] = 1
    require_payment: Flag = True


class JobShipment(Input):
    job_id: UUID
    shipment_id: UUID


class ParcelClaim(Input):
    """`has_address` is whether it goes elsewhere than the order says."""

    shipment_id: UUID
    has_address: Flag


class Payable(Output):
    """An order as far as a payment or the ledger needs it."""

    order_id: UUID
    customer_id: UUID
    status: Status
    total: Major
    currency: str
    payment_id: UUID | None


class CancelledPayment(Output):
    """The payment of an order that was cancelled after it was paid."""

    order_id: UUID
    payment_id: UUID


class OrderLine(Output):
    sku: str
    name: str
    quantity: int
    unit_price: Major
    line_total: Major


class Entry(Output):
    """When the order came to this status; `reason` is what a canceller gave."""

    status: Status
    at: Timestamp
    reason: str | None


class Order(Output):
    """`fulfilment_job_id` is the job that is getting the order out, or has; `trace_id` is of the
    request that began to place it."""

    order_id: UUID
    customer_id: UUID
    cart_id: UUID
    status: Status
    lines: list[OrderLine]
    total: Major
    currency: str
    shipping_address: Address | None
    payment_id: UUID | None
    fulfilment_job_id: UUID | None
    shipment_id: UUID | None
    created_at: Timestamp
    updated_at: Timestamp
    history: list[Entry]
    trace_id: str | None


class OrderStanding(Output):
    """How an order stands, for who moves it."""

    order_id: UUID
    status: Status
    fulfilment_job_id: UUID | None
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
    lines: list[FulfillableLine]


class Shippable(Output):
    """An order as far as a parcel needs it. `held` is whether a job is getting it out, or has, and
    `promised_shipment_id` the parcel which that job makes."""

    order_id: UUID
    customer_id: UUID
    status: Status
    held: bool
    promised_shipment_id: UUID | None
    shipment_id: UUID | None
    shipping_address: Address | None
