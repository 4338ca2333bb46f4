"""One document of the index: what a product is found by, and what a hit shows."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from asyncpg import Record

from chassis import Connection, NotFound, Preconditions, invalid, tag_of, to_major, to_minor

from .schemas import Document, DocumentFields, NewDocument

# A statement has two seconds, and a long text in Chinese takes a tenth of one to index.
BATCH = 100
LETTERS = 60_000

# In SKU order, so that two that index the same documents queue instead of deadlocking.
UPSERT = """
INSERT INTO search.index
       (sku, name, description, category, price, currency, attributes, in_stock)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[],
                     $7::jsonb[], $8::boolean[]) AS row (sku)
 ORDER BY sku
ON CONFLICT (sku) DO UPDATE
   SET name = excluded.name, description = excluded.description, category = excluded.category,
       price = excluded.price, currency = excluded.currency, attributes = excluded.attributes,
       in_stock = excluded.in_stock, updated_at = clock_timestamp()
RETURNING *, old.updated_at AS before
"""

WORDS = """
SELECT DISTINCT word
  FROM search.index AS document, unnest(tsvector_to_array(document.words)) AS word
 WHERE sku = ANY($1) AND search.learnable(word)
"""

# All at once and in order, for the same reason. Most words are there already, and are not waited
# for.
LEARN = """
INSERT INTO search.vocabulary (word) SELECT word FROM unnest($1::text[]) AS word ORDER BY word
ON CONFLICT DO NOTHING
"""

FIND = "SELECT * FROM search.index WHERE sku = $1"

REMOVE = "DELETE FROM search.index WHERE sku = $1 RETURNING updated_at"


def as_document(row: Record) -> Document:
    return Document(
        sku=row["sku"],
        name=row["name"],
        description=row["description"],
        category=row["category"],
        price=price_of(row),
        currency=row["currency"],
        attributes=json.loads(row["attributes"]),
        in_stock=row["in_stock"],
        updated_at=row["updated_at"],
    ).tagged(tag_of(row["updated_at"]))


def price_of(row: Record) -> str | None:
    """The price with its currency's decimals: 19.9900 EUR is "19.99"."""
    price: Decimal | None = row["price"]
    if price is None:
        return None
    return to_major(to_minor(price.normalize(), row["currency"]), row["currency"])


def check(fields: DocumentFields) -> None:
    """Raises InvalidRequest for a price without a currency, the reverse, or too many decimals."""
    if fields.price is None and fields.currency is None:
        return
    if fields.currency is None:
        raise invalid("#/currency", "A price needs its currency.")
    if fields.price is None:
        raise invalid("#/price", "A currency needs a price.")
    to_minor(fields.price, fields.currency, "#/price")


def as_row(new: NewDocument) -> tuple[Any, ...]:
    """The columns of UPSERT, in order."""
    return (
        new.sku,
        new.name,
        new.description,
        new.category,
        new.price,
        new.currency,
        json.dumps(new.attributes),
        new.in_stock,
    )


async def upsert(db: Connection, documents: Sequence[NewDocument]) -> list[Document]:
    """Index each, or index it anew, in SKU order. Needs a unit of work; safe to repeat."""
    rows: list[Record] = []
    words: set[str] = set()
    for batch in _batches(sorted(documents, key=lambda new: new.sku)):
        rows += await db.fetch(UPSERT, *(list(column) for column in zip(*batch, strict=True)))
        words.update(await _words(db, [sku for sku, *_ in batch]))
    await db.execute(LEARN, list(words))
    return [as_document(row) for row in rows]


def _batches(documents: Sequence[NewDocument]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows for UPSERT, as many at a time as one statement can index."""
    batch: list[tuple[Any, ...]] = []
    letters = 0
    for new in documents:
        row = as_row(new)
        size = sum(len(text) for text in row if isinstance(text, str))
        if batch and (len(batch) == BATCH or letters + size > LETTERS):
            yield batch
            batch, letters = [], 0
        batch.append(row)
        letters += size
    if batch:
        yield batch


async def _words(db: Connection, skus: list[str]) -> list[str]:
    return [row["word"] for row in await db.fetch(WORDS, skus)]


async def find(db: Connection, sku: str) -> Document:
    """Raises NotFound."""
    row = await db.fetchrow(FIND, sku)
    if row is None:
        raise NotFound(f"There is no document {sku}.")
    return as_document(row)


async def replace(db: Connection, new: NewDocument, preconditions: Preconditions) -> Document:
    """Index one, or index it anew. Needs a unit of work. Raises PreconditionFailed."""
    (row,) = await db.fetch(UPSERT, *([value] for value in as_row(new)))
    preconditions.check(row["before"] and tag_of(row["before"]))
    await db.execute(LEARN, await _words(db, [new.sku]))
    return as_document(row)


async def remove(db: Connection, sku: str, preconditions: Preconditions) -> None:
    """Needs a unit of work. Safe to repeat: what is not there is not an error. Raises
    PreconditionFailed."""
    removed = await db.fetchval(REMOVE, sku)
    preconditions.check(removed and tag_of(removed))
