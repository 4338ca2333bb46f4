"""What goes in and out of carts."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Amount, Currency, Input, Output, Sku, Tagged, Timestamp

Quantity = Annotated[int, Field(strict=True, ge=1, le=999)]
Version = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Major = Annotated[str, Field(examples=["19.99"])]


class NewCart(Input, example={"customer_id": "0190b6a8-7a63-7000-8000-000000000000"}):
    customer_id: UUID | None = None


class NewItem(Input, example={"sku": "CANDLE-RED", "quantity": 2}):
    sku: Sku
    quantity: Quantity


class ItemQuantity(Input, example={"quantity": 3}):
    quantity: Quantity


class Merger(Input, example={"from_cart_id": "0190b6a8-7a63-7000-8000-000000000000"}):
    from_cart_id: UUID
    """The cart whose items move. It is left empty."""


class Checkout(Input):
    """`version` is the cart's when the order was drawn up from it."""

    order_id: UUID
    version: Version
    """The cart's, when the order was drawn up from it."""


class CartItem(Output):
    """`unit_price` is what the catalogue said when the item was last added to."""

    sku: str
    name: str
    quantity: int
    unit_price: Major
    """What the catalogue said when the item was last added to."""
    currency: str
    line_total: Major
    """Unit price times quantity."""


class Cart(Tagged):
    """`subtotal` and `currency` are null while the cart is empty or mixes currencies;
    `order_id` is null until it is checked out."""

    cart_id: UUID
    customer_id: UUID | None
    status: Literal["open", "checked_out"]
    order_id: UUID | None
    """The order that was made of it; null until then."""
    items: list[CartItem]
    """In the order in which they were added."""
    item_count: Annotated[int, Field(description="The sum of the quantities.")]
    subtotal: Major | None
    """The sum of the lines; null while the cart is empty or mixes currencies."""
    currency: str | None
    """Of all items; null while the cart is empty or mixes currencies."""
    version: Annotated[int, Field(description="Grows with every change.")]
    updated_at: Timestamp


class MergedCart(Cart):
    """`capped` names the lines of which both carts together held more than 999."""

    capped: list[str]
    """The SKUs of which both carts together held more than 999."""


class Offer(Output):
    """A product, as the catalogue tells it."""

    sku: str
    name: str
    price: Amount
    currency: Currency
    active: bool


class Offers(Output):
    items: list[Offer]
