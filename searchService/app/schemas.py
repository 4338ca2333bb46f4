"""What goes in and out of the search."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chassis import (
    Amount,
    Attributes,
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
Sort = Literal["relevance", "price", "-price", "name"]


class DocumentFields(Input):
    """A price and its currency come together, or not at all."""

    name: Name
    description: Description | None = None
    category: Category | None = None
    """Products with a category that reads the same are found together, whatever its case."""
    price: Amount | None = None
    """In major units of the currency, exactly."""
    currency: Currency | None = None
    attributes: Attributes = Field(default_factory=dict)
    """Whatever else describes it: brand, EAN, colour. At most 100 members, five levels
    deep."""
    in_stock: Flag = True
    """Whether there is any."""


class NewDocument(DocumentFields):
    sku: Sku


class DocumentReplacement(
    DocumentFields,
    example={
        "name": "Red candle, 20 cm",
        "category": "Candles",
        "price": "4.95",
        "currency": "EUR",
        "in_stock": True,
    },
):
    sku: Sku | None = None


class Document(Tagged):
    sku: str
    name: str
    description: str | None
    category: str | None
    """Products with a category that reads the same are found together, whatever its case."""
    price: Annotated[str | None, Field(examples=["19.99"])]
    """In major units of the currency, exactly."""
    currency: str | None
    attributes: dict[str, Any]
    """Whatever else describes it: brand, EAN, colour. At most 100 members, five levels
    deep."""
    in_stock: bool
    """Whether there is any."""
    updated_at: Timestamp


class BulkDocuments(
    Input,
    example={
        "documents": [
            {"sku": "CANDLE-BLUE", "name": "Blue candle, 20 cm", "price": "4.95", "currency": "EUR"}
        ]
    },
):
    """Rows are checked one by one, so that a bad one does not stop the rest."""

    documents: Annotated[list[Any], RowsOf(NewDocument)]
    """Each is checked by itself, and a bad one does not stop the others."""


class RowError(Output):
    index: int
    sku: str | None
    detail: str


class BulkDocumentsResult(Output):
    indexed: int
    """How many documents were taken."""
    errors: list[RowError]
    """The rows that were refused, and why."""


class Hit(Output):
    sku: str
    name: str
    price: Annotated[str | None, Field(examples=["19.99"])]
    """In major units of the currency, exactly."""
    currency: str | None
    category: str | None
    """Products with a category that reads the same are found together, whatever its case."""
    in_stock: bool
    """Whether there is any."""
    score: Annotated[float, Field(description="0 to 1; 1 for the SKU that was asked for.")]
    highlight: Annotated[str, Field(description="The name as HTML, what matched in <em>.")]


class CategoryCount(Output):
    value: str
    """The category, as it is written in one of them."""
    count: int
    """How many documents."""


class PriceCount(Output):
    """So many prices of a currency from `from` up to, but not including, `to`; null is without an
    end."""

    model_config = ConfigDict(populate_by_name=True)

    currency: Annotated[str, Field(examples=["EUR"])]
    start: Annotated[str, Field(alias="from", examples=["10.00"])]
    """The beginning of this range of prices."""
    to: Annotated[str | None, Field(examples=["25.00"])]
    """The end of this range of prices."""
    count: int
    """How many documents."""


class Facets(Output):
    """Each counts the hits under all filters but its own, so that another choice shows its size."""

    category: list[CategoryCount]
    """How many hits each category has."""
    price: list[PriceCount]
    """How many hits each range of prices has."""


class SearchResult(Output):
    items: list[Hit]
    """The hits of this page, the best first, or as `sort` says."""
    facets: Facets
    """How the hits are spread over categories and prices."""
    total: Annotated[int, Field(description="Hits that were counted, a thousand at most.")]
    total_is_exact: Annotated[bool, Field(description="Whether there are no more than these.")]
    next_cursor: str | None
    """Where the next page starts: send it as `cursor`; null on the last one."""


class SuggestionList(Output):
    suggestions: list[str]
    """Names that begin so, the best first."""
