"""What goes in and out of the warehouse."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from chassis import Flag, Input, LongText, Output, Sku, Tagged, Timestamp
from chassis.rows import RowsOf

MOST_ON_HAND = 1_000_000_000


def _nonzero(delta: int) -> int:
    if delta == 0:
        raise ValueError("must not be zero")
    return delta


OnHand = Annotated[int, Field(strict=True, ge=0, le=MOST_ON_HAND)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MOST_ON_HAND)]
Delta = Annotated[
    int, Field(strict=True, ge=-MOST_ON_HAND, le=MOST_ON_HAND), AfterValidator(_nonzero)
]
Seconds = Annotated[int, Field(strict=True, ge=1, le=86_400)]


class StockCount(Input, example={"quantity": 100}):
    """Either what is on hand, or `"tracked": false`: of that SKU there is always enough, and
    nothing is counted."""

    quantity: OnHand | None = None
    """What is on hand."""
    tracked: Flag | None = None
    """Whether it is counted. What is not is never short."""


class CountedSku(Input):
    sku: Sku
    quantity: OnHand


class BulkStock(Input, example={"stock": [{"sku": "CANDLE-BLUE", "quantity": 50}]}):
    """Rows are checked one by one, so that a bad one does not stop the rest."""

    stock: Annotated[list[Any], RowsOf(CountedSku)]
    """Each is set by itself, and a bad one does not stop the others."""


class RowError(Output):
    index: int
    sku: str | None
    detail: str


class BulkStockResult(Output):
    counted: int
    """How many SKUs were set."""
    errors: list[RowError]
    """The rows that were refused, and why."""


class Adjustment(Input, example={"delta": -1, "reason": "Broken in the warehouse"}):
    delta: Delta
    """How many came, or went where it is negative."""
    reason: Annotated[LongText, Field(max_length=200)]
    """In words, for whoever reads it later."""


class Stock(Tagged):
    """`available` is `on_hand - reserved`. Where `tracked` is false these are what they were when
    it was last counted, and no order is short of it."""

    sku: str
    on_hand: int
    """What is present, reserved or not."""
    reserved: int
    """Promised to open reservations."""
    available: int
    """On hand and not reserved."""
    tracked: bool
    """Whether it is counted. What is not is never short."""
    updated_at: Timestamp


class Movement(Output):
    delta: int
    """How many came, or went where it is negative."""
    reason: str
    """In words, for whoever reads it later."""
    reference: UUID | None
    """The reservation whose goods moved; null for a count or an adjustment."""
    at: Timestamp
    """When it happened."""


class ItemToReserve(Input):
    sku: Sku
    quantity: Quantity


class NewReservation(
    Input,
    example={
        "reservation_id": "0190b6a8-7a63-7000-8000-00000000000a",
        "items": [{"sku": "CANDLE-RED", "quantity": 2}],
    },
):
    """`expires_in` is in seconds. A SKU that stands in several items is reserved as their sum."""

    reservation_id: UUID
    order_id: UUID | None = None
    items: Annotated[list[ItemToReserve], Field(min_length=1, max_length=2000)]
    """All of them are reserved, or none."""
    expires_in: Seconds = 900
    """Seconds until it ends by itself."""

    def quantities(self) -> dict[str, int]:
        """How much of each SKU."""
        total: dict[str, int] = {}
        for item in self.items:
            total[item.sku] = total.get(item.sku, 0) + item.quantity
        return total


class ReservedItem(Output):
    sku: str
    quantity: int


class Reservation(Output):
    """`status` is held, committed, released, expired or returned."""

    reservation_id: UUID
    order_id: UUID | None
    status: str
    items: list[ReservedItem]
    """What is reserved."""
    expires_at: Timestamp | None
    """When the reservation ends by itself, unless it is committed."""
    created_at: Timestamp
    updated_at: Timestamp
