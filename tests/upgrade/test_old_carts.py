"""Carts from before carts were forgotten: the sweep looks at them first."""

import asyncio

import asyncpg

from conftest import run_sql
from fleet.services import ROOT

from .test_upgrade import EMPTY, HERE, VERSIONS, apply, database

__all__ = ["database"]

SERVICES = ["cartService"]
MAKE = "INSERT INTO cart.carts (status) VALUES ('open') RETURNING cart_id"
INFINITELY_LONG_AGO = "SELECT cart_id FROM cart.carts WHERE touched_at = '-infinity'"
JUST_NOW = "SELECT cart_id FROM cart.carts WHERE touched_at > now() - interval '1 hour'"


async def brought_forward(database: str) -> None:
    await run_sql(database, *EMPTY)
    await apply(database, HERE / VERSIONS[0], SERVICES)
    db = await asyncpg.connect(database)
    try:
        old = await db.fetchval(MAKE)
        await apply(database, ROOT, SERVICES)
        new = await db.fetchval(MAKE)
        await db.execute("UPDATE fleet.schema_versions SET checksum = 'another'")
        await apply(database, ROOT, SERVICES)
        assert [row["cart_id"] for row in await db.fetch(INFINITELY_LONG_AGO)] == [old]
        assert [row["cart_id"] for row in await db.fetch(JUST_NOW)] == [new]
    finally:
        await db.close()


def test_old_carts_are_looked_at_first(database: str) -> None:
    asyncio.run(brought_forward(database))
