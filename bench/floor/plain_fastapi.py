"""A product by SKU as FastAPI's own tutorial would serve it: what the chassis is compared with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request

from product_catalogueService.app.products import FIND
from product_catalogueService.app.schemas import Product

from .bare import db_of, pool
from .product_catalogue import product


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with pool() as app.state.db:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/products/{sku}", response_model=Product)
async def read(sku: str, request: Request) -> Any:
    row = await db_of(request).fetchrow(FIND, sku)
    assert row is not None
    return product(row)


@app.get("/readyz")
async def ready() -> None:
    pass
