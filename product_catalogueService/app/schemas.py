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
    """In major units of the currency, exactly."""
    currency: Currency
    category: Category | None = None
    """Products with a category that reads the same are found together, whatever its case."""
    attributes: Attributes = Field(default_factory=dict)
    """Whatever else describes it: brand, EAN, colour. At most 100 members, five levels
    deep."""


class NewProduct(
    ProductFields,
    example={
        "sku": "CANDLE-RED",
        "name": "Red candle, 20 cm",
        "description": "Beeswax, burns for 12 hours.",
        "price": "4.95",
        "currency": "EUR",
        "category": "Candles",
        "attributes": {"colour": "red", "ean": "4006381333931"},
    },
):
    sku: Sku


class ProductRow(NewProduct):
    """A row of a bulk upsert. `active` is left as it is unless the row says so; a new product is
    on sale."""

    active: Flag | None = None
    """Whether it is on sale. A withdrawn product still answers."""


class ProductReplacement(
    ProductFields,
    example={
        "name": "Red candle, 20 cm",
        "price": "5.20",
        "currency": "EUR",
        "category": "Candles",
    },
):
    """The whole product anew. `active: true` puts a withdrawn one back on sale."""

    sku: Sku | None = None
    active: Flag = True
    """Whether it is on sale. A withdrawn product still answers."""


class ProductChanges(Changes, example={"price": "4.50"}):
    """The members to change; what is left out stays. A null description or category is removed,
    and so are null attributes. As `application/merge-patch+json`, attributes are merged; otherwise
    they are replaced as a whole."""

    removable = frozenset({"description", "category", "attributes"})

    name: Name | None = None
    description: Description | None = None
    price: Amount | None = None
    """In major units of the currency, exactly."""
    currency: Currency | None = None
    category: Category | None = None
    """Products with a category that reads the same are found together, whatever its case."""
    attributes: Attributes | None = None
    """Whatever else describes it: brand, EAN, colour. At most 100 members, five levels
    deep."""
    active: Flag | None = None
    """Whether it is on sale. A withdrawn product still answers."""


class Product(Tagged):
    sku: str
    name: str
    description: str | None
    price: Annotated[str, Field(examples=["19.99"])]
    """In major units of the currency, exactly."""
    currency: str
    category: str | None
    """Products with a category that reads the same are found together, whatever its case."""
    attributes: dict[str, Any]
    """Whatever else describes it: brand, EAN, colour. At most 100 members, five levels
    deep."""
    active: bool
    """Whether it is on sale. A withdrawn product still answers."""
    version: int
    """Grows with every change."""
    created_at: Timestamp
    updated_at: Timestamp


class BulkProducts(
    Input,
    example={
        "products": [
            {"sku": "CANDLE-BLUE", "name": "Blue candle, 20 cm", "price": "4.95", "currency": "EUR"}
        ]
    },
):
    """Rows are checked one by one, so that a bad one does not stop the rest."""

    products: Annotated[list[Any], RowsOf(ProductRow)]
    """Each is checked by itself, and a bad one does not stop the others."""


class RowError(Output):
    index: int
    sku: str | None
    detail: str


class BulkProductsResult(Output):
    created: int
    """How many products are new."""
    updated: int
    """How many products were there already."""
    errors: list[RowError]
    """The rows that were refused, and why."""
