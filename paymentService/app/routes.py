"""Payments over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    ContextOf,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    Router,
    admits,
    owner,
    refusals,
)

from . import payments, refunds, saga
from .orders import (
    AlreadyPaid,
    AmountMismatch,
    NothingToPay,
    OrderNotPayable,
    UnknownOrder,
    UnknownOrderStatus,
)
from .payments import PaymentInProgress, PaymentOutcomeUnknown, TooManyAttempts
from .refunds import RefundExceedsPayment
from .schemas import NewPayment, NewRefund, Payment, Refund

router = Router(tags=["payments"])


@router.post(
    "/payments",
    status_code=201,
    response_model=Payment,
    responses=refusals(
        UnknownOrder,
        UnknownOrderStatus,
        NothingToPay,
        AmountMismatch,
        AlreadyPaid,
        OrderNotPayable,
        PaymentInProgress,
        PaymentOutcomeUnknown,
        TooManyAttempts,
    ),
)
@admits("customer", "staff")
async def create_payment(new: NewPayment, context: ContextOf, once: OnceOnly) -> Response:
    """Pay an order, all of it. A declined payment is an answer too, and leaves the order free; ten
    may be declined within an hour."""
    return await saga.pay(context, once, new)


@router.get("/payments")
@admits("customer", "staff")
async def list_payments(
    db: Db,
    order_id: Annotated[UUID | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Payment]:
    """Newest first."""
    return await payments.listed(db, order_id, limit, cursor, owner())


@router.get("/payments/{payment_id}")
@admits("customer", "staff")
async def read_payment(payment_id: UUID, db: Db) -> Payment:
    """Where it stands, and how much of it was given back."""
    return payments.as_payment(await payments.find(db, payment_id, owner()))


@router.post(
    "/payments/{payment_id}/refunds",
    status_code=201,
    response_model=Refund,
    responses=refusals(RefundExceedsPayment, PaymentOutcomeUnknown),
)
@admits("staff")
async def create_refund(
    payment_id: UUID, context: ContextOf, once: OnceOnly, new: NewRefund | None = None
) -> Response:
    """Give back some of a payment, or what is left of it."""
    return await saga.refund(context, once, payment_id, new or NewRefund())


@router.get("/payments/{payment_id}/refunds")
@admits("customer", "staff")
async def list_refunds(
    payment_id: UUID, db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Refund]:
    """Newest first."""
    return await refunds.listed(db, payment_id, limit, cursor, owner())


@router.get("/payments/{payment_id}/refunds/{refund_id}")
@admits("customer", "staff")
async def read_refund(payment_id: UUID, refund_id: UUID, db: Db) -> Refund:
    """Whether the provider has given the money back."""
    return refunds.as_refund(await refunds.find(db, payment_id, refund_id, owner()))
