"""What goes in and out of fulfilment."""

from typing import Any, Literal
from uuid import UUID

from chassis import Input, Output, Timestamp

Status = Literal["pending", "reserved", "shipped", "completed", "failed"]


class NewFulfilment(Input, example={"order_id": "0190b6a8-7a63-7000-8000-000000000000"}):
    order_id: UUID


class StepTaken(Output):
    step: str
    """Which step of the saga."""
    at: Timestamp
    """When it happened."""
    outcome: str
    """How it went."""


class FulfilmentJob(Output):
    """`failure` is why the job failed, or is being undone. A `parked` job was tried so often that
    somebody should look at it; it is still tried, but seldom, unless it is retried. `trace_id` is
    of the request that began it."""

    job_id: UUID
    order_id: UUID
    status: Status
    reservation_id: UUID
    shipment_id: UUID | None
    failure: dict[str, Any] | None
    """Why the job failed; null unless it did."""
    attempts: int
    """How often it was tried."""
    parked: bool
    """Whether it is tried seldom now, and listed for an operator."""
    steps: list[StepTaken]
    """What was tried, in order, and how it went."""
    trace_id: str | None
    """Of the W3C trace of the request that began it."""
    created_at: Timestamp
    updated_at: Timestamp
