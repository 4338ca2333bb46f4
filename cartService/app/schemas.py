"""What goes in and out of carts."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Amount, Currency, Input, Output, Sku, Tagged, Timestamp

Quantity = Annotated[int, Field(strict=True, ge=1, le=999)]
Version = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Major = Annotated[str, Field(examples=["19.99"])]


class NewCart(Input):
    customer_id: UUID | None = None


class NewItem(Input):
    sku: Sku
    quantity: Quantity


class ItemQuantity(Input):
    quantity: Quantity


class Merger(Input):
    from_cart_id: UUID


class Checkout(Input):
    """`version` is the cart's when the order was drawn up from it."""

    order_id: UUID
    version: Version


class CartItem(Output):
    """`unit_price` is what the catalogue said when the item was last added to."""

    sku: str
    name: str
    quantity: int
    unit_price: Major
    currency: str
    line_total: Major


class Cart(Tagged):
    """`subtotal` and `currency` are null while the cart is empty or mixes currencies;
    `order_id` is null until it is checked out."""

    cart_id: UUID
    customer_id: UUID | None
    status: Literal["open", "checked_out"]
    order_id: UUID | None
    items: list[CartItem]
    item_count: Annotated[int, Field(description="The sum of the quantities.")]
    subtotal: Major | None
    currency: str | None
    version: Annotated[int, Field(description="Grows with every change.")]
    updated_at: Timestamp


class MergedCart(Cart):
    """`capped` names the lines of which both carts together held more than 999."""

    capped: list[str]


class Offer(Output):
    """A product, as the catalogue tells it."""

    sku: str
    name: str
    price: Amount
    currency: Currency
    active: bool


class Offers(Output):
    items: list[Offer]
