"""Orders over HTTP."""

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
from chassis.problems import invalid

from . import moves, orders, placement, readdressing
from .limits import QuantityLimit
from .moves import OrderBeingFulfilled, OrderNotCancellable, OrderShipped
from .placement import CartChanged
from .quotes import (
    CartCheckedOut,
    CartOfAnotherCustomer,
    EmptyCart,
    MixedCurrencies,
    TotalChanged,
    TotalTooLarge,
    UnknownCart,
    UnknownCustomer,
    UnknownSku,
)
from .readdressing import OrderNotChangeable
from .schemas import Cancellation, NewOrder, Order, OrderChanges, Status

router = Router(tags=["orders"])


@router.post(
    "/orders",
    status_code=201,
    response_model=Order,
    responses=refusals(
        UnknownCustomer,
        UnknownCart,
        CartOfAnotherCustomer,
        EmptyCart,
        UnknownSku,
        MixedCurrencies,
        TotalTooLarge,
        TotalChanged,
        CartCheckedOut,
        CartChanged,
        QuantityLimit,
    ),
)
@admits("customer", "staff")
async def place_order(new: NewOrder, once: OnceOnly, context: ContextOf) -> Response:
    """Make the one order of a cart, at the catalogue's prices of now; the cart is closed."""
    return await placement.place(context, once, new)


@router.get("/orders/{order_id}")
@admits("customer", "staff")
async def read_order(order_id: UUID, db: Db) -> Order:
    """With its lines and its history."""
    return await orders.find(db, order_id, owner())


@router.get("/orders")
@admits("customer", "staff")
async def list_orders(
    db: Db,
    customer_id: UUID | None = None,
    status: Status | None = None,
    paid: Annotated[bool | None, Query(description="Only those that have a payment.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Order]:
    """Newest first. A page ends early where its orders have very many lines: `next_cursor` goes
    on."""
    return await orders.listed(db, customer_id, status, paid, limit, cursor, owner())


@router.patch(
    "/orders/{order_id}",
    responses=refusals(OrderShipped, OrderBeingFulfilled, OrderNotChangeable),
)
@admits("customer", "staff")
async def change_order(order_id: UUID, changes: OrderChanges, db: Db) -> Order:
    """Correct where the order goes, while nothing has been shipped."""
    if "shipping_address" not in changes.model_fields_set:
        return await orders.find(db, order_id, owner())
    if changes.shipping_address is None:
        raise invalid("#/shipping_address", "An address is replaced, never taken away.")
    async with db.unit_of_work() as work:
        return await readdressing.readdress(work, order_id, changes.shipping_address, owner())


@router.post(
    "/orders/{order_id}/cancel",
    response_model=Order,
    responses=refusals(OrderShipped, OrderNotCancellable, OrderBeingFulfilled),
)
@admits("customer", "staff")
async def cancel_order(
    order_id: UUID, once: OnceOnly, cancellation: Cancellation | None = None
) -> Response:
    """A payment that the order has is given back by itself, which makes it refunded."""
    async with once.unit_of_work() as db:
        reason = cancellation.reason if cancellation else None
        order = await moves.cancel(db, order_id, reason, owner())
        # The key knows which order its answer is about, so that erasing its customer finds it.
        return await once.answer(db, 200, order, about=order_id)
