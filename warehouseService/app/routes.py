"""The warehouse over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from chassis import (
    DEFAULT_LIMIT,
    SKU,
    ContextOf,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    PreconditionsOf,
    Router,
    Sku,
    admits,
    refusals,
)
from chassis.openapi import Responses
from chassis.problems import invalid
from chassis.rows import check_rows

from . import reservations, stock
from .goods import InsufficientStock
from .limits import TooManyReservations, Who
from .reservations import (
    ReservationCommitted,
    ReservationDiffers,
    ReservationExpired,
    ReservationNotCommitted,
    ReservationReleased,
    ReservationReturned,
)
from .schemas import (
    Adjustment,
    BulkStock,
    BulkStockResult,
    CountedSku,
    Movement,
    NewReservation,
    Reservation,
    RowError,
    Stock,
    StockCount,
)
from .stock import AboveMaximum, BelowReserved, StockNotTracked

router = Router(tags=["stock"])
bulk_router = Router(tags=["stock"], bulk=True)
reservations_router = Router(tags=["reservations"])
internal_router = Router(tags=["internal"])

Skus = Annotated[list[Sku], Query(min_length=1, max_length=200, description="Up to 200.")]

STANDS_ALREADY: Responses = {200: {"model": Reservation, "description": "It stands already."}}


@router.put("/stock/{sku}", responses=refusals(BelowReserved))
@admits("staff")
async def count_stock(
    sku: Sku, counted: StockCount, db: Db, preconditions: PreconditionsOf
) -> Stock:
    """Set what is on hand; the difference is written as a movement. Or stop counting it."""
    if (counted.quantity is None) != (counted.tracked is False):
        raise invalid("#/quantity", 'There must be either a quantity or "tracked": false.')
    async with db.unit_of_work() as work:
        await stock.open_one(work, sku, preconditions)
        if counted.quantity is None:
            return await stock.untrack(work, sku)
        return await stock.count_one(work, sku, counted.quantity)


@bulk_router.post("/stock/bulk", response_model=BulkStockResult)
@admits("staff")
async def count_much_stock(bulk: BulkStock, once: OnceOnly) -> Response:
    """Set what is on hand of up to 1,000 SKUs. A bad row is reported and does not stop the rest."""
    rows = check_rows(bulk.stock, CountedSku, name="sku", names=SKU)
    errors = [RowError(index=bad.index, sku=bad.name, detail=bad.detail) for bad in rows.bad]
    async with once.unit_of_work() as db:
        counted = await stock.count(db, {row.sku: row.quantity for row in rows.good.values()})
        errors += [
            RowError(index=index, sku=row.sku, detail=BelowReserved.title())
            for index, row in rows.good.items()
            if row.sku not in counted
        ]
        errors.sort(key=lambda error: error.index)
        return await once.answer(db, 200, BulkStockResult(counted=len(counted), errors=errors))


@router.get("/stock")
@admits("staff")
async def list_stock(sku: Skus, db: Db) -> Page[Stock]:
    """Of these SKUs, in the order asked; those that are not known are left out."""
    return Page(items=await stock.find_these(db, sku))


@router.get("/stock/{sku}")
@admits("staff")
async def read_stock(sku: Sku, db: Db) -> Stock:
    """What is on hand, reserved and available of one SKU."""
    return await stock.find(db, sku)


@router.post(
    "/stock/{sku}/adjustments",
    response_model=Stock,
    responses=refusals(BelowReserved, AboveMaximum, StockNotTracked),
)
@admits("staff")
async def adjust_stock(
    sku: Sku, adjustment: Adjustment, once: OnceOnly, preconditions: PreconditionsOf
) -> Response:
    """Add to what is on hand, or take from it, saying why."""
    async with once.unit_of_work() as db:
        adjusted = await stock.adjust(db, sku, adjustment, preconditions)
        return await once.answer(db, 200, adjusted)


@router.get("/stock/{sku}/movements")
@admits("staff")
async def list_movements(
    sku: Sku, db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Movement]:
    """Every change of what is on hand, newest first."""
    return await stock.movements(db, sku, limit, cursor)


@reservations_router.post(
    "/reservations",
    status_code=201,
    response_model=Reservation,
    responses=STANDS_ALREADY
    | refusals(
        InsufficientStock,
        TooManyReservations,
        ReservationDiffers,
        ReservationReleased,
        ReservationExpired,
        ReservationReturned,
    ),
)
@admits("staff", services=("fulfilment",))
async def reserve(asked: NewReservation, once: OnceOnly, context: ContextOf, who: Who) -> Response:
    """Hold stock for every item, or for none."""
    most = context.settings.most_reservations
    async with once.unit_of_work() as db:
        newly = await reservations.reserve(db, asked, who if most else None, most)
        reservation = await reservations.find(db, asked.reservation_id)
        if newly:
            location = f"/reservations/{reservation.reservation_id}"
            return await once.created(db, reservation, location)
        return await once.answer(db, 200, reservation)


@reservations_router.get("/reservations/{reservation_id}")
@admits("staff")
async def read_reservation(reservation_id: UUID, db: Db) -> Reservation:
    """What is reserved, and until when."""
    return await reservations.find(db, reservation_id)


@reservations_router.post(
    "/reservations/{reservation_id}/commit",
    response_model=Reservation,
    responses=refusals(ReservationReleased, ReservationExpired, ReservationReturned),
)
@admits("staff", services=("fulfilment",))
async def commit_reservation(reservation_id: UUID, once: OnceOnly) -> Response:
    """The goods leave the warehouse."""
    async with once.unit_of_work() as db:
        await reservations.commit(db, reservation_id)
        return await once.answer(db, 200, await reservations.find(db, reservation_id))


@reservations_router.post(
    "/reservations/{reservation_id}/release",
    response_model=Reservation,
    responses=refusals(ReservationCommitted, ReservationReturned),
)
@admits("staff", services=("fulfilment",))
async def release_reservation(reservation_id: UUID, once: OnceOnly) -> Response:
    """Give the goods up. An id that is not known yet is refused ever after."""
    async with once.unit_of_work() as db:
        await reservations.release(db, reservation_id)
        return await once.answer(db, 200, await reservations.find(db, reservation_id))


@internal_router.post(
    "/reservations/{reservation_id}/return",
    response_model=Reservation,
    responses=refusals(ReservationNotCommitted, AboveMaximum),
)
@admits(services=("fulfilment",))
async def return_reservation(reservation_id: UUID, once: OnceOnly) -> Response:
    """Put the goods of a committed reservation back on hand."""
    async with once.unit_of_work() as db:
        await reservations.take_back(db, reservation_id)
        return await once.answer(db, 200, await reservations.find(db, reservation_id))
