"""What goes in and out of the catalogue."""

from typing import Annotated, Any

from pydantic import Field

from chassis import (
    Amount,
    Attributes,
    Changes,
    Currency,
    Flag,
    Input,
    LongText,
    Output,
    Sku,
    Tagged,
    Text,
    Timestamp,
)
from chassis.rows import RowsOf

Name = Annotated[Text, Field(max_length=200)]
Description = Annotated[LongText, Field(max_length=10_000)]
Category = Annotated[Text, Field(max_length=100)]


class ProductFields(Input):
    name: Name
    description: Description | None = None
    price: Amount
    currency: Currency
    category: Category | None = None
    attributes: Attributes = Field(default_factory=dict)


class NewProduct(ProductFields):
    sku: Sku


class ProductRow(NewProduct):
    """A row of a bulk upsert. `active` is left as it is unless the row says so; a new product is
    on sale."""

    active: Flag | None = None


class ProductReplacement(ProductFields):
    """The whole product anew. `active: true` puts a withdrawn one back on sale."""

    sku: Sku | None = None
    active: Flag = True


class ProductChanges(Changes):
    """The members to change; what is left out stays. A null description or category is removed."""

    removable = frozenset({"description", "category"})

    name: Name | None = None
    description: Description | None = None
    price: Amount | None = None
    currency: Currency | None = None
    category: Category | None = None
    attributes: Attributes | None = None
    active: Flag | None = None


class Product(Tagged):
    sku: str
    name: str
    description: str | None
    price: Annotated[str, Field(examples=["19.99"])]
    currency: str
    category: str | None
    attributes: dict[str, Any]
    active: bool
    version: int
    created_at: Timestamp
    updated_at: Timestamp


class BulkProducts(Input):
    """Rows are checked one by one, so that a bad one does not stop the rest."""

    products: Annotated[list[Any], RowsOf(ProductRow)]


class RowError(Output):
    index: int
    sku: str | None
    detail: str


class BulkProductsResult(Output):
    created: int
    updated: int
    errors: list[RowError]
