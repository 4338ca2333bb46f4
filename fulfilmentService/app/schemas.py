"""What goes in and out of fulfilment."""

from typing import Any, Literal
from uuid import UUID

from chassis import Input, Output, Timestamp

Status = Literal["pending", "reserved", "shipped", "completed", "failed"]


class NewFulfilment(Input):
    order_id: UUID


class StepTaken(Output):
    step: str
    at: Timestamp
    outcome: str


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
    attempts: int
    parked: bool
    steps: list[StepTaken]
    trace_id: str | None
    created_at: Timestamp
    updated_at: Timestamp
