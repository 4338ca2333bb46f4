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
    price: Amount | None = None
    currency: Currency | None = None
    attributes: Attributes = Field(default_factory=dict)
    in_stock: Flag = True


class NewDocument(DocumentFields):
    sku: Sku


class DocumentReplacement(DocumentFields):
    sku: Sku | None = None


class Document(Tagged):
    sku: str
    name: str
    description: str | None
    category: str | None
    price: Annotated[str | None, Field(examples=["19.99"])]
    currency: str | None
    attributes: dict[str, Any]
    in_stock: bool
    updated_at: Timestamp


class BulkDocuments(Input):
    """Rows are checked one by one, so that a bad one does not stop the rest."""

    documents: Annotated[list[Any], RowsOf(NewDocument)]


class RowError(Output):
    index: int
    sku: str | None
    detail: str


class BulkDocumentsResult(Output):
    indexed: int
    errors: list[RowError]


class Hit(Output):
    sku: str
    name: str
    price: Annotated[str | None, Field(examples=["19.99"])]
    currency: str | None
    category: str | None
    in_stock: bool
    score: Annotated[float, Field(description="0 to 1; 1 for the SKU that was asked for.")]
    highlight: Annotated[str, Field(description="The name as HTML, what matched in <em>.")]


class CategoryCount(Output):
    value: str
    count: int


class PriceCount(Output):
    """So many prices of a currency from `from` up to, but not including, `to`; null is without an
    end."""

    model_config = ConfigDict(populate_by_name=True)

    currency: Annotated[str, Field(examples=["EUR"])]
    start: Annotated[str, Field(alias="from", examples=["10.00"])]
    to: Annotated[str | None, Field(examples=["25.00"])]
    count: int


class Facets(Output):
    """Each counts the hits under all filters but its own, so that another choice shows its size."""

    category: list[CategoryCount]
    price: list[PriceCount]


class SearchResult(Output):
    items: list[Hit]
    facets: Facets
    total: Annotated[int, Field(description="Hits that were counted, a thousand at most.")]
    total_is_exact: Annotated[bool, Field(description="Whether there are no more than these.")]
    next_cursor: str | None


class SuggestionList(Output):
    suggestions: list[str]
