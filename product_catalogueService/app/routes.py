"""The catalogue over HTTP."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from chassis import (
    DEFAULT_LIMIT,
    SKU,
    Cursor,
    Db,
    Limit,
    OnceOnly,
    Page,
    PreconditionsOf,
    Router,
    Sku,
    admits,
    invalid,
    refusals,
)
from chassis.merge_patch import IsMergePatch
from chassis.preconditions import described
from chassis.problems import invalid_parameter
from chassis.rows import check_rows

from . import products
from .products import SkuTaken
from .schemas import (
    BulkProducts,
    BulkProductsResult,
    Category,
    NewProduct,
    Product,
    ProductChanges,
    ProductReplacement,
    ProductRow,
    RowError,
)

router = Router(tags=["products"])
bulk_router = Router(tags=["products"], bulk=True)


@router.post("/products", status_code=201, response_model=Product, responses=refusals(SkuTaken))
@admits("staff")
async def create_product(new: NewProduct, once: OnceOnly) -> Response:
    """No product may have this SKU yet, a withdrawn one neither."""
    async with once.unit_of_work() as db:
        product = await products.create(db, new)
        return await once.created(db, product, f"/products/{product.sku}")


@bulk_router.post("/products/bulk", response_model=BulkProductsResult)
@admits("staff")
async def upsert_products(bulk: BulkProducts, once: OnceOnly) -> Response:
    """Create or replace up to 1,000 products. A bad row is reported and does not stop the rest. A
    product that is withdrawn stays so, unless its row has `"active": true`."""
    rows = check_rows(
        bulk.products,
        ProductRow,
        name="sku",
        names=SKU,
        check=lambda new: products.as_row(new.sku, new),
    )
    errors = [RowError(index=bad.index, sku=bad.name, detail=bad.detail) for bad in rows.bad]
    async with once.unit_of_work() as db:
        good = list(rows.good.values())
        created, updated = await products.upsert(db, good) if good else (0, 0)
        result = BulkProductsResult(created=created, updated=updated, errors=errors)
        return await once.answer(db, 200, result)


@router.get("/products")
@admits("customer", "staff", services=("cart", "order"))
async def list_products(
    db: Db,
    sku: Annotated[list[Sku] | None, Query(max_length=200)] = None,
    category: Annotated[Category | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Product]:
    """Products on sale; or, with `sku`, just those that are named, withdrawn ones too."""
    if sku and (category or cursor):
        raise invalid_parameter("sku", "Products are named, or listed by category: not both.")
    if sku:
        return Page(items=await products.find_many(db, sku))
    return await products.listed(db, category, limit, cursor)


@router.get("/products/{sku}")
@admits("customer", "staff")
async def read_product(sku: Sku, db: Db) -> Product:
    """A withdrawn product is found too, with `active` false."""
    return await products.find(db, sku)


@router.put("/products/{sku}")
@admits("staff")
async def replace_product(
    sku: Sku, new: ProductReplacement, db: Db, preconditions: PreconditionsOf
) -> Product:
    """The whole product anew: what is left out is removed."""
    if new.sku not in (None, sku):
        raise invalid("#/sku", "A product's SKU cannot be changed.")
    changes = new.model_dump(exclude={"sku"})
    async with db.unit_of_work() as work:
        return await products.change(work, sku, changes, preconditions)


@router.patch("/products/{sku}")
@admits("staff")
async def change_product(
    sku: Sku, changes: ProductChanges, db: Db, preconditions: PreconditionsOf, merge: IsMergePatch
) -> Product:
    """What is left out stays. A merge patch merges the attributes; plain JSON replaces them."""
    given = changes.model_dump(exclude_unset=True)
    async with db.unit_of_work() as work:
        return await products.change(work, sku, given, preconditions, merge)


@router.delete("/products/{sku}", status_code=204, responses=described({}, 204, reads=False))
@admits("staff")
async def withdraw_product(sku: Sku, db: Db, preconditions: PreconditionsOf) -> Response:
    """Take a product off sale. It still answers, with `active` false."""
    async with db.unit_of_work() as work:
        product = await products.withdraw(work, sku, preconditions)
    return Response(status_code=204, headers={"ETag": product.etag})
