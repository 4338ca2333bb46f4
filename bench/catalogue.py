"""What the benchmarks sell, to whom, and what people look for: the same on every run."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, product
from math import prod

import asyncpg

from chassis import NewAddress
from customerService.app import customers
from customerService.app.schemas import NewCustomer
from product_catalogueService.app import products
from product_catalogueService.app.schemas import NewProduct, ProductRow
from searchService.app import documents
from searchService.app.schemas import NewDocument
from warehouseService.app import stock

STYLES = """
Amber Arctic Bold Bright Calm Classic Coastal Copper Crimson Dark Early Floral Gentle Golden Heavy
Indigo Ivory Jade Light Lunar Mellow Modern Narrow Noble Old Pale Plain Quiet Rustic Scarlet Silent
Silver Simple Slender Smooth Solid Tall Tiny Velvet Warm
"""
MATERIALS = "Beech Bronze Cedar Clay Cotton Glass Linen Marble Oak Wool"
THINGS = """
Apron Basket Bench Blanket Bottle Bowl Brush Candle Carafe Chair Clock Cup Cushion Desk Jar Kettle
Lamp Mirror Mug Notebook Plate Shelf Stool Table Vase
"""
NAMES = [words.split() for words in (STYLES, MATERIALS, THINGS)]
PRODUCTS = prod(map(len, NAMES))
CUSTOMERS = 100
# Never sold out, however long a benchmark lasts.
IN_STOCK = 100_000_000
# What one call of the bulk endpoints would bring.
BATCH = 1000

ADDRESS = NewAddress(line1="1 Quay Street", city="Cork", postal_code="T12 AB34", country="IE")


@dataclass(frozen=True)
class World:
    """What a load needs to know of what is there."""

    skus: list[str]
    customers: list[str]
    searches: list[str]


def goods(count: int) -> Iterator[NewProduct]:
    """Up to PRODUCTS different ones, in no particular order."""
    chance = random.Random(1)
    everything = list(product(*NAMES))
    chance.shuffle(everything)
    for number, (style, material, thing) in enumerate(islice(everything, count)):
        yield NewProduct(
            sku=f"{thing[:3].upper()}-{number:05d}",
            name=f"{style} {material} {thing}",
            description=f"A {style.lower()} {thing.lower()} of {material.lower()}, made by hand "
            f"in small numbers. Lovely beside any {chance.choice(NAMES[-1]).lower()}.",
            price=Decimal(chance.randrange(100, 50_000)).scaleb(-2),
            currency="EUR",
            category=material,
            attributes={"material": material.lower(), "grams": chance.randrange(50, 5000)},
        )


def searches() -> list[str]:
    """A common word, two words, a word not typed to its end, and a misspelt one, in turn."""
    chance, (styles, materials, things) = random.Random(2), NAMES
    found = []
    for thing in things:
        style, material = chance.choice(styles), chance.choice(materials)
        misspelt = thing[0] + thing[2] + thing[1] + thing[3:]
        found += [thing, f"{style} {thing}", f"{material} {thing[:-1]}", f"{style} {misspelt}"]
    return [text.lower() for text in found]


async def fill(dsn: str, count: int) -> World:
    """Fill an empty database, in the way that the services themselves do."""
    db = await asyncpg.connect(dsn)
    try:
        everything = list(goods(count))
        for start in range(0, count, BATCH):
            async with db.transaction():
                await _add(db, everything[start : start + BATCH])
        async with db.transaction():
            people = [await customers.create(db, _customer(n), None) for n in range(CUSTOMERS)]
        await db.execute("VACUUM ANALYZE")
    finally:
        await db.close()
    ids = [str(customer.customer_id) for customer in people]
    return World([each.sku for each in everything], ids, searches())


async def _add(db: asyncpg.Connection, batch: Sequence[NewProduct]) -> None:
    await products.upsert(db, [ProductRow(**dict(each)) for each in batch])
    await documents.upsert(db, [NewDocument(**dict(each)) for each in batch])
    await stock.count(db, {each.sku: IN_STOCK for each in batch})


def _customer(number: int) -> NewCustomer:
    return NewCustomer(email=f"c{number}@example.org", name=f"Customer {number}", address=ADDRESS)
