"""Products whose texts were kept as they came, before texts had one form."""

import asyncio
from typing import Any

import asyncpg

from chassis.texts import in_lines, one_form
from conftest import run_sql
from fleet.services import ROOT

from .test_upgrade import EMPTY, HERE, VERSIONS, apply, database

__all__ = ["database"]

SERVICES = ["product_catalogueService"]

INSERT = """
INSERT INTO product.products (sku, name, description, price_minor, currency, category)
VALUES ($1, $2, $3, 690, 'EUR', $4)
"""

OLD = [
    ("AS-IT-IS", "Café", "Line one\n\tline two", "Thé"),
    ("DECOMPOSED", "Cafe\u0301", None, "The\u0301"),
    ("INVISIBLE", "\ufeffextra\u00adordinary\u200b", "\u200bx", "Th\u00adé"),
    ("SPACED", " \u00a0Green\ttea\u2003", "\u3000", "\tT\nhé\n"),
    # Either would be too long or nothing at all; the rest of its row stays with it.
    ("TOO-LONG", "\u0958" * 200, None, " Thé"),
    ("NOTHING", "\u200b", None, " Thé"),
]
NEW = {
    "AS-IT-IS": ("Café", "Line one\n\tline two", "Thé", 1),
    "DECOMPOSED": ("Café", None, "Thé", 2),
    "INVISIBLE": ("extraordinary", "x", "Thé", 2),
    "SPACED": ("Greentea", None, "Thé", 2),
    "TOO-LONG": ("\u0958" * 200, None, " Thé", 1),
    "NOTHING": ("\u200b", None, " Thé", 1),
}


async def brought_forward(database: str) -> dict[str, Any]:
    """What becomes of the old products, when today's schema has been applied twice."""
    await run_sql(database, *EMPTY)
    await apply(database, HERE / VERSIONS[0], SERVICES)
    db = await asyncpg.connect(database)
    try:
        await db.executemany(INSERT, OLD)
        for _ in range(2):
            await apply(database, ROOT, SERVICES)
            await db.execute("UPDATE fleet.schema_versions SET checksum = 'another'")
        rows = await db.fetch(
            "SELECT sku, name, description, category, version FROM product.products"
        )
    finally:
        await db.close()
    return {sku: tuple(told) for sku, *told in rows}


def test_they_come_into_the_form_that_new_ones_have() -> None:
    for sku, *old in OLD[:4]:
        forms = one_form, in_lines, one_form
        written = zip(forms, old, NEW[sku][:3], strict=True)
        assert all(not new or form(str(text)) == new for form, text, new in written), sku


def test_old_texts_come_into_their_form_and_no_row_is_lost(database: str) -> None:
    assert asyncio.run(brought_forward(database)) == NEW
