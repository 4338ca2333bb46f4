"""One product: what it is, what it costs, and whether it is on sale."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg import Record

from chassis import Connection, NotFound, Page, Preconditions, Problem, invalid, to_major, to_minor
from chassis.fields import MOST_ATTRIBUTES
from chassis.lists import decode, encode, page
from chassis.merge_patch import merged

from .schemas import NewProduct, Product, ProductFields, ProductRow

INSERT = """
INSERT INTO product.products (sku, name, description, price_minor, currency, category, attributes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (sku) DO NOTHING
RETURNING *
"""

FIND = "SELECT * FROM product.products WHERE sku = $1"

FIND_MANY = """
SELECT product.* FROM unnest($1::text[]) WITH ORDINALITY AS asked (sku, place)
  JOIN product.products product USING (sku)
 ORDER BY place
"""

LIST = """
SELECT * FROM product.products
 WHERE active AND sku > $2
 ORDER BY sku LIMIT $1
"""

# Whatever the case: `Home` and `home` are one category.
LIST_CATEGORY = """
SELECT * FROM product.products
 WHERE active AND casefold(category COLLATE pg_c_utf8) = casefold($3 COLLATE pg_c_utf8)
   AND sku > $2
 ORDER BY sku LIMIT $1
"""

LOCK = "SELECT * FROM product.products WHERE sku = $1 FOR UPDATE"

UPDATE = """
UPDATE product.products
   SET name = $2, description = $3, price_minor = $4, currency = $5, category = $6,
       attributes = $7, active = $8, version = version + 1, updated_at = clock_timestamp()
 WHERE sku = $1
RETURNING *
"""

WITHDRAW = """
UPDATE product.products SET active = false, version = version + 1, updated_at = clock_timestamp()
 WHERE sku = $1
RETURNING *
"""

# $8 is null where a row does not say whether it is on sale, and $9 names the rows that do.
# xmax is zero in a row that this statement inserted.
UPSERT = """
INSERT INTO product.products (sku, name, description, price_minor, currency, category, attributes,
                              active)
SELECT sku, name, description, price_minor, currency, category, attributes, coalesce(active, true)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
              $7::jsonb[], $8::boolean[])
       AS row (sku, name, description, price_minor, currency, category, attributes, active)
 ORDER BY sku
ON CONFLICT (sku) DO UPDATE
   SET name = excluded.name, description = excluded.description,
       price_minor = excluded.price_minor, currency = excluded.currency,
       category = excluded.category, attributes = excluded.attributes,
       active = CASE WHEN excluded.sku = ANY ($9) THEN excluded.active ELSE products.active END,
       version = products.version + 1, updated_at = clock_timestamp()
RETURNING xmax = 0 AS created
"""


# What a product tells as it is kept.
COLUMNS = tuple(name for name in Product.model_fields if name not in ("price", "attributes"))


class SkuTaken(Problem, status=409):
    """A product with this SKU exists already.

    Choose another SKU, or change the product by PUT or PATCH.
    """

    sku: str


def as_product(row: Record) -> Product:
    return Product(
        **{name: row[name] for name in COLUMNS},
        price=to_major(row["price_minor"], row["currency"]),
        attributes=json.loads(row["attributes"]),
    ).tagged(row["version"])


def as_row(sku: str, new: ProductFields) -> tuple[Any, ...]:
    """The columns of INSERT, in order. Raises InvalidRequest for too many decimals."""
    minor = to_minor(new.price, new.currency, "#/price")
    attributes = json.dumps(new.attributes)
    return (sku, new.name, new.description, minor, new.currency, new.category, attributes)


async def create(db: Connection, new: NewProduct) -> Product:
    row = await db.fetchrow(INSERT, *as_row(new.sku, new))
    if row is None:
        raise SkuTaken(f"A product with the SKU {new.sku} exists already.", sku=new.sku)
    return as_product(row)


async def find(db: Connection, sku: str) -> Product:
    """Raises NotFound. A withdrawn product is found, with `active` false."""
    row = await db.fetchrow(FIND, sku)
    if row is None:
        raise NotFound(f"There is no product {sku}.")
    return as_product(row)


async def find_many(db: Connection, skus: Sequence[str]) -> list[Product]:
    """Those that exist, each once, in the order asked."""
    rows = await db.fetch(FIND_MANY, list(dict.fromkeys(skus)))
    return [as_product(row) for row in rows]


async def listed(
    db: Connection, category: str | None, limit: int, cursor: str | None
) -> Page[Product]:
    """Products on sale, in SKU order."""
    (after,) = decode(cursor, str) or [""]
    rows = (
        await db.fetch(LIST, limit + 1, after)
        if category is None
        else await db.fetch(LIST_CATEGORY, limit + 1, after, category)
    )
    return page(rows, limit, as_product, lambda row: encode(row["sku"]))


async def change(
    db: Connection,
    sku: str,
    changes: Mapping[str, Any],
    preconditions: Preconditions,
    merge: bool = False,
) -> Product:
    """Change these members; attributes are replaced as a whole, or merged. Raises NotFound,
    PreconditionFailed, InvalidRequest (decimals, too many attributes)."""
    now = (await _locked(db, sku, preconditions)).model_dump()
    after = {**now, **changes}
    if merge and changes.get("attributes") is not None:
        after["attributes"] = merged(now["attributes"], changes["attributes"])
        if len(after["attributes"]) > MOST_ATTRIBUTES:
            raise invalid("#/attributes", f"There would be more than {MOST_ATTRIBUTES} members.")
    # None where they are removed.
    after["attributes"] = after["attributes"] or {}
    fields = ProductFields.model_validate(
        {name: after[name] for name in ProductFields.model_fields}
    )
    row = await db.fetchrow(UPDATE, *as_row(sku, fields), after["active"])
    assert row is not None
    return as_product(row)


async def withdraw(db: Connection, sku: str, preconditions: Preconditions) -> Product:
    """Take a product off sale; it stays readable. Safe to repeat. Raises NotFound,
    PreconditionFailed."""
    product = await _locked(db, sku, preconditions)
    if not product.active:
        return product
    row = await db.fetchrow(WITHDRAW, sku)
    assert row is not None
    return as_product(row)


async def _locked(db: Connection, sku: str, preconditions: Preconditions) -> Product:
    """The product as it is, until the unit of work ends. Raises NotFound, PreconditionFailed."""
    row = await db.fetchrow(LOCK, sku)
    if row is None:
        raise NotFound(f"There is no product {sku}.")
    product = as_product(row)
    preconditions.check(product.tag)
    return product


async def upsert(db: Connection, products: Sequence[ProductRow]) -> tuple[int, int]:
    """Create or replace each. Returns how many were created, and how many updated."""
    columns = zip(*((*as_row(new.sku, new), new.active) for new in products), strict=True)
    told = [new.sku for new in products if new.active is not None]
    rows = await db.fetch(UPSERT, *(list(column) for column in columns), told)
    created = sum(row["created"] for row in rows)
    return created, len(rows) - created
