"""The saga: what getting an order out asks of others, in turn, and what undoes it.

Every step carries ids that the job chose before, so anybody may take it again: the peer answers
the same. Until `ship` is done a refusal turns the job round; after it there is only forward.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import Answer, Context, DependencyUnavailable, Output, Problem

from .jobs import Job
from .orders import (
    AddressMissing,
    OrderNotFulfillable,
    OrderNotPaid,
    UnknownOrderStatus,
    not_fulfillable,
)


class Shortage(Output):
    """So many were asked for, and so many are there."""

    sku: str
    requested: int
    """How many were asked for."""
    available: int
    """On hand and not reserved."""


class InsufficientStock(Problem, status=409, remembered=False):
    """There is not enough in stock.

    Take fewer, or wait for more: shortages names what is short, and how much there is.
    """

    shortages: list[Shortage]
    """What is short, and how much there is."""


class ReservationExpired(Exception):
    """The goods were held too long, and are free again: another reservation is needed."""


class Shortages(Output):
    shortages: list[Shortage]


class Refusal(Output):
    """What orderService tells with a refusal."""

    order_status: str = "unknown"
    shipment_id: UUID | None = None


# Refusals that pass: they are tried again. An unknown refusal is final.
PASSING = ("order-being-fulfilled", "order-not-held")


async def reserve(context: Context, job: Job) -> None:
    body = {"reservation_id": job.reservation_id, "order_id": job.order_id, "items": job.lines}
    answer = await context.peers["warehouse"].post("/reservations", body)
    if answer.problem == "insufficient-stock":
        raise InsufficientStock(**answer.read(Shortages).model_dump())
    _confirm_reservation(answer, job)


async def hold_order(context: Context, job: Job) -> None:
    body = {
        "job_id": job.job_id,
        "shipment_id": job.shipment_id,
        "round": job.round,
        "require_payment": context.settings.require_payment,
    }
    answer = await context.peers["order"].put(f"/orders/{job.order_id}/fulfilment", body)
    if answer.problem == "order-not-paid":
        raise OrderNotPaid()
    if answer.problem == "address-missing":
        raise AddressMissing()
    if answer.problem == "order-not-fulfillable":
        refusal = answer.read(Refusal)
        raise not_fulfillable(refusal.order_status, refusal.shipment_id)
    if answer.status == 404:
        raise OrderNotFulfillable("The order is not there any more.")
    if answer.status == 409 and answer.problem not in PASSING:
        detail = f"The order refused: {answer.problem}."
        raise UnknownOrderStatus(detail, order_status=answer.read(Refusal).order_status)
    answer.confirm(order_id=job.order_id)


async def commit(context: Context, job: Job) -> None:
    path = f"/reservations/{job.reservation_id}/commit"
    _confirm_reservation(await context.peers["warehouse"].post(path, {}), job)


async def ship(context: Context, job: Job) -> None:
    body = {"shipment_id": job.shipment_id, "order_id": job.order_id}
    answer = await context.peers["shipping"].post("/shipments", body)
    if answer.problem == "address-missing":
        raise AddressMissing()
    if answer.status in (409, 422):
        raise OrderNotFulfillable(f"Shipping refused the order: {answer.problem}.")
    answer.confirm(shipment_id=job.shipment_id)


async def mark_fulfilled(context: Context, job: Job) -> None:
    body = {"job_id": job.job_id, "shipment_id": job.shipment_id}
    answer = await context.peers["order"].put(f"/orders/{job.order_id}/shipment", body)
    answer.confirm(order_id=job.order_id)


async def free_goods(context: Context, job: Job) -> None:
    """Release the reservation, made or not; or return its goods if they have left."""
    warehouse, path = context.peers["warehouse"], f"/reservations/{job.reservation_id}"
    answer = await warehouse.post(f"{path}/release", {})
    if answer.problem in ("reservation-committed", "reservation-returned"):
        answer = await warehouse.post(f"{path}/return", {})
    answer.confirm(reservation_id=job.reservation_id)


async def give_order_back(context: Context, job: Job) -> None:
    path = f"/orders/{job.order_id}/fulfilment/{job.job_id}?round={job.round}"
    answer = await context.peers["order"].delete(path)
    if answer.status != 404:  # what is not there, nobody holds
        answer.confirm()


@dataclass(frozen=True, slots=True)
class Step:
    """`then` is the status of a job whose step is done; None leaves it."""

    name: str
    ask: Callable[[Context, Job], Awaitable[None]]
    then: str | None
    next: str | None


SAGA = (
    # Its name, what it asks, the job's status once it is done, and what is next.
    Step("reserve", reserve, "reserved", "hold_order"),
    Step("hold_order", hold_order, "reserved", "commit"),
    Step("commit", commit, "reserved", "ship"),
    Step("ship", ship, "shipped", "mark_fulfilled"),
    Step("mark_fulfilled", mark_fulfilled, "completed", None),
    # Compensations. Each is right whether or not what it undoes was done.
    Step("free_goods", free_goods, None, "give_order_back"),
    Step("give_order_back", give_order_back, "failed", None),
)
STEPS = {step.name: step for step in SAGA}
FIRST, UNDO = "reserve", "free_goods"

_REFUSALS: dict[str, type[Problem]] = {
    kind.type_uri(): kind
    for kind in (
        InsufficientStock,
        OrderNotPaid,
        OrderNotFulfillable,
        AddressMissing,
        UnknownOrderStatus,
        DependencyUnavailable,
    )
}


def failure_of(problem: Problem) -> dict[str, Any]:
    """A refusal as a job keeps it."""
    return {"type": problem.type_uri(), "detail": problem.detail, **problem.members}


def problem_of(failure: dict[str, Any]) -> Problem:
    """The refusal that a job kept."""
    members = {name: value for name, value in failure.items() if name != "type"}
    return _REFUSALS[failure["type"]](**members)


def _confirm_reservation(answer: Answer, job: Job) -> None:
    if answer.problem == "reservation-expired":
        raise ReservationExpired()
    answer.confirm(reservation_id=job.reservation_id)
