"""What the services that call this one ask of orders."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Query

from chassis import ContextOf, Cursor, Db, Limit, Page, PeersOf, Router, admits, refusals
from chassis.auth import only_from
from chassis.subjects import ExportPart, SubjectRequests

from . import fulfilment, moves, parcels, payable, subjects
from .fulfilment import AddressMissing, OrderNotFulfillable, OrderNotHeld, OrderNotPaid
from .moves import AmountMismatch, OrderBeingFulfilled, OrderNotPayable, OrderNotRefundable
from .schemas import (
    CancelledPayment,
    CapturedPayment,
    Fulfillable,
    JobClaim,
    JobShipment,
    OrderStanding,
    ParcelClaim,
    Payable,
    RefundedPayment,
    Round,
    Shippable,
)

router = Router(tags=["internal"])
subjects_router = Router(tags=["internal"], bulk=True)

After = Annotated[int, Query(ge=0, lt=2**63, description="The last number that is known.")]
RequestNumber = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/orders/{order_id}/payable")
@admits(services=("payment", "transaction"))
async def read_payable(order_id: UUID, db: Db) -> Payable:
    """The total of the order, and whether it is paid."""
    return await payable.find(db, order_id)


@router.get("/cancelled-payments")
@admits(services=("payment",))
async def list_cancelled_payments(
    db: Db, limit: Limit = 200, cursor: Cursor = None
) -> Page[CancelledPayment]:
    """The payments of orders that were cancelled after they were paid: they are to be refunded."""
    return await payable.cancelled(db, limit, cursor)


@router.put("/orders/{order_id}/payment", responses=refusals(AmountMismatch, OrderNotPayable))
@admits(services=("payment",))
async def pay_order(order_id: UUID, payment: CapturedPayment, db: Db) -> Payable:
    """This payment of the whole order was captured. Safe to repeat."""
    return await moves.pay(db, order_id, payment)


@router.put(
    "/orders/{order_id}/refund", responses=refusals(OrderNotRefundable, OrderBeingFulfilled)
)
@admits(services=("payment",))
async def refund_order(order_id: UUID, refund: RefundedPayment, db: Db) -> Payable:
    """All of this payment was given back. Safe to repeat."""
    return await moves.refund(db, order_id, refund.payment_id)


@router.get("/orders/{order_id}/fulfillable")
@admits(services=("fulfilment",))
async def read_fulfillable(order_id: UUID, db: Db) -> Fulfillable:
    """The order as far as a fulfilment job needs it."""
    return await fulfilment.needed(db, order_id)


@router.put(
    "/orders/{order_id}/fulfilment",
    responses=refusals(
        OrderNotPaid, OrderNotFulfillable, AddressMissing, OrderBeingFulfilled, OrderNotHeld
    ),
)
@admits(services=("fulfilment",))
async def hold_order(order_id: UUID, new: JobClaim, db: Db, context: ContextOf) -> OrderStanding:
    """This job, and no other, gets the order out. Safe to repeat.

    An unpaid order only where this service, too, is told that orders ship unpaid.
    """
    require_payment = new.require_payment or context.settings.require_payment
    return await fulfilment.hold(db, order_id, new, require_payment=require_payment)


@router.delete("/orders/{order_id}/fulfilment/{job_id}", status_code=204)
@admits(services=("fulfilment",))
async def let_order_go(
    order_id: UUID, job_id: UUID, db: Db, round_: Annotated[Round, Query(alias="round")] = 1
) -> None:
    """This job gives the order back, unless it has shipped it. Safe to repeat.

    A request to hold it in the same round that comes later than this takes nothing.
    """
    await fulfilment.let_go(db, order_id, job_id, round_)


@router.put("/orders/{order_id}/shipment", responses=refusals(OrderNotHeld))
@admits(services=("fulfilment",))
async def ship_order(order_id: UUID, shipment: JobShipment, db: Db) -> OrderStanding:
    """The job that holds the order has shipped it. Safe to repeat."""
    return await fulfilment.ship(db, order_id, shipment)


@router.get("/orders/{order_id}/shippable")
@admits(services=("shipping",))
async def read_shippable(order_id: UUID, db: Db) -> Shippable:
    """The order as far as a parcel needs it."""
    return await parcels.find(db, order_id)


@router.put(
    "/orders/{order_id}/parcel",
    responses=refusals(OrderNotFulfillable, AddressMissing, OrderBeingFulfilled),
)
@admits(services=("shipping",))
async def claim_order(order_id: UUID, new: ParcelClaim, db: Db) -> Shippable:
    """The order is shipped by this parcel, which no job made. Decided once: to repeat it gives the
    same answer, also where the parcel was refused and would not be now."""
    return await parcels.claim(db, order_id, new)


@subjects_router.get("/subject-requests")
@admits(services=("payment", "shipping"))
async def list_requests_about_orders(db: Db, after: After = 0) -> SubjectRequests:
    """What customers ask about their personal data, oldest first, twenty at a time; `things` are
    their orders."""
    return SubjectRequests(items=await subjects.listed(db, after, 20))


@subjects_router.put("/subject-requests/{number}/{holder}", status_code=204)
@admits(services=("payment", "shipping"))
async def pass_part_on(
    number: RequestNumber, holder: Literal["payment", "shipping"], part: ExportPart, peers: PeersOf
) -> None:
    """What a service holds of a customer who asks for it goes to the customer's service. It brings
    its own part, and no other's."""
    only_from(holder)
    told = await peers["customer"].put(f"/subject-requests/{number}/{holder}", part.model_dump())
    if not told.ok:
        raise told.unexpected()
