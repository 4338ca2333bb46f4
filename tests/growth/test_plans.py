"""No statement reads a growing table from end to end, or sorts what grows."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from bench.scale.filling import SCHEMAS

from . import statements
from .plans import GROWN, MODES, ROWS, TIMES, faults, plan

# One world for all that look at it.
pytestmark = pytest.mark.xdist_group("world")

SOMEBODY = """
SELECT order_id::text AS id, sku FROM orders.orders JOIN orders.order_lines USING (order_id)
 LIMIT 1 OFFSET 500
"""


@pytest.fixture
async def grown(world: str) -> AsyncIterator[asyncpg.Connection]:
    """For as long as this unit of work lasts, the planner takes each table for a large one."""
    db = await asyncpg.connect(world)
    try:
        await db.execute("BEGIN; SET LOCAL search_path = ''")
        await db.fetch(GROWN, SCHEMAS, TIMES)
        yield db
    finally:
        await db.close()  # without a COMMIT: others see the world as it is


async def test_no_plan_grows_with_its_tables(grown: asyncpg.Connection) -> None:
    (somebody,) = map(dict, await grown.fetch(SOMEBODY))
    rows = {row["relname"]: row["reltuples"] for row in await grown.fetch(ROWS, SCHEMAS)}
    found = {}
    asked = statements.standing() | await statements.put_together()
    asked |= await statements.in_functions(grown)
    for name, statement in asked.items():
        for mode in MODES:
            told = list(faults(await plan(grown, statement, mode, somebody), rows))
            if told:
                found[f"{name} ({mode})"] = told
    assert not found, "\n".join(f"{name}: {told}" for name, told in found.items())


def test_what_is_put_together_is_known() -> None:
    """A new piece of a statement belongs into `statements.put_together`, and then here."""
    assert statements.pieces() == statements.BEGINNINGS | {
        "customerService.app.customers.LIST",
        "fulfilmentService.app.views.LIST",
        "orderService.app.orders.LIST",
        "paymentService.app.payments.LIST",
        "paymentService.app.sweeps.UNSETTLED",
        "shippingService.app.shipments.LIST",
        "transactionService.app.transactions.RECORD",
        "searchService.app.queries.FILTERED",
        "searchService.app.queries.SAMPLE",
        "searchService.app.queries.HITS",
        "searchService.app.queries.TOTAL",
        "searchService.app.queries.GROUPS",
    }


async def test_faults_are_noticed(grown: asyncpg.Connection) -> None:
    """The check itself can fail."""
    rows = {"orders": 4e6, "order_lines": 8e6}
    for text, fault in (
        ("SELECT count(*) FROM orders.orders WHERE total_minor = 7", "reads all of orders"),
        ("SELECT * FROM orders.order_lines ORDER BY name LIMIT 9", "reads all of order_lines"),
        (
            "SELECT * FROM orders.orders WHERE $1::uuid IS NULL OR order_id < $1"
            " ORDER BY order_id DESC LIMIT 9",
            "passes by what comes before the cursor",
        ),
    ):
        shown = await plan(grown, statements.Statement(text), MODES[0], {"id": str(UUID(int=7))})
        assert any(told.startswith(fault) for told in faults(shown, rows)), text
