"""The search over HTTP."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field
from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    SKU,
    Amount,
    Currency,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    PreconditionsOf,
    Router,
    Sku,
    admits,
    invalid,
)
from chassis.rows import check_rows
from chassis.texts import one_form

from . import documents, searches, suggestions
from .queries import Question
from .schemas import (
    BulkDocuments,
    BulkDocumentsResult,
    Category,
    Document,
    DocumentReplacement,
    NewDocument,
    RowError,
    SearchResult,
    Sort,
    SuggestionList,
)

router = Router(tags=["search"])
bulk_router = Router(tags=["search"], bulk=True)


def _in_one_form(words: str) -> str:
    """Blanks alone are no words, which asks for all."""
    return words.strip() and one_form(words)


Asked = Annotated[
    Annotated[str, AfterValidator(_in_one_form), Field(max_length=200)],
    Query(description="Words in any order; the last one may be unfinished."),
]
SuggestionLimit = Annotated[int, Query(ge=1, le=50, description="How many at most.")]


@router.get("/index/{sku}")
@admits("staff")
async def read_document(sku: Sku, db: Db) -> Document:
    """What is indexed of a SKU, and its ETag."""
    return await documents.find(db, sku)


@router.put("/index/{sku}")
@admits("staff")
async def index_document(
    sku: Sku, new: DocumentReplacement, db: Db, preconditions: PreconditionsOf
) -> Document:
    """Index a document, or index it anew."""
    if new.sku not in (None, sku):
        raise invalid("#/sku", "The SKU is not the one in the URL.")
    documents.check(new)
    document = NewDocument(**{**dict(new), "sku": sku})
    async with db.unit_of_work() as work:
        return await documents.replace(work, document, preconditions)


@bulk_router.post("/index/bulk", response_model=BulkDocumentsResult)
@admits("staff")
async def index_documents(bulk: BulkDocuments, once: OnceOnly) -> Response:
    """Index up to 1,000 documents. A bad row is reported and does not stop the rest."""
    rows = check_rows(bulk.documents, NewDocument, name="sku", names=SKU, check=documents.check)
    errors = [RowError(index=bad.index, sku=bad.name, detail=bad.detail) for bad in rows.bad]
    async with once.unit_of_work() as db:
        good = list(rows.good.values())
        indexed = await documents.upsert(db, good) if good else []
        return await once.answer(db, 200, BulkDocumentsResult(indexed=len(indexed), errors=errors))


@router.delete("/index/{sku}", status_code=204)
@admits("staff")
async def remove_document(sku: Sku, db: Db, preconditions: PreconditionsOf) -> None:
    """Take a document out of the index; nothing happens where there is none."""
    async with db.unit_of_work() as work:
        await documents.remove(work, sku, preconditions)


@router.get("/search")
@admits("customer", "staff")
async def search(
    db: Db,
    q: Asked = "",
    category: Annotated[Category | None, Query()] = None,
    min_price: Annotated[Amount | None, Query()] = None,
    max_price: Annotated[Amount | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    in_stock: bool | None = None,
    sort: Sort = "relevance",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SearchResult:
    """Documents with all of the words, or, without `q`, all documents. Prices are compared in
    major units, whatever the currency, unless `currency` leaves one only."""
    question = Question(q, category, min_price, max_price, in_stock, sort, currency)
    return await searches.search(db, question, limit, cursor)


@router.get("/suggest")
@admits("customer", "staff")
async def suggest(db: Db, q: Asked = "", limit: SuggestionLimit = 10) -> SuggestionList:
    """Names that begin with what was typed, the best first."""
    return SuggestionList(suggestions=await suggestions.suggest(db, q, limit))
