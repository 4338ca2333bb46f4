"""What the peers tell, as far as an order needs it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Address, Amount, Currency, Output


class CustomerView(Output):
    customer_id: UUID
    address: Address | None = None


class ItemView(Output):
    sku: str
    quantity: Annotated[int, Field(ge=1, le=999)]


class CartView(Output):
    customer_id: UUID | None
    order_id: UUID | None = None
    version: int
    items: list[ItemView]


class ProductView(Output):
    sku: str
    name: str
    price: Amount
    currency: Currency
    active: bool


class ProductsView(Output):
    items: list[ProductView]


class CheckedOutView(Output):
    """The refusal of a cart that another order has taken."""

    order_id: UUID
