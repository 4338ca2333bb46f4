"""A search: what was asked, what answers it in which order, and how much of it there is."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from asyncpg import Record

from chassis import Connection, invalid
from chassis.lists import decode, encode, page

from . import facets, queries
from .documents import price_of
from .facets import Group
from .highlights import highlighted
from .queries import ALL, ENOUGH, Meaning, Question
from .schemas import Hit, SearchResult

# How many documents there are is what PostgreSQL saw when it last looked; -1 before that.
MEANING = """
SELECT typed, wide,
       nullif(plainto_tsquery('pg_catalog.simple', search.folded($2))::text, '') AS category,
       (SELECT reltuples FROM pg_class WHERE oid = 'search.index'::regclass) AS documents
  FROM search.meaning($1, '')
"""


class Position(NamedTuple):
    """Where a page begins: behind this hit, among those of this part."""

    part: int
    place: str
    sku: str


async def search(
    db: Connection, question: Question, limit: int, cursor: str | None
) -> SearchResult:
    """Raises InvalidRequest for a cursor of another question."""
    after = _position(cursor, question)
    row = await db.fetchrow(MEANING, question.text, question.category)
    assert row is not None
    meaning = Meaning(row["typed"], row["wide"], row["category"])
    if after and not question.narrowed:
        part = of_facets = after.part
    else:
        part, of_facets = await _parts(db, question, meaning, row["documents"])
        part = after.part if after else part
    query, values = queries.hits(question, meaning, part, limit + 1, after and after[1:])
    rows = await db.fetch(query, *values)
    names = await highlighted(db, (row["name"] for row in rows), meaning.wide)
    hits = page(
        rows,
        limit,
        lambda row: as_hit(row, names[row["name"]]),
        lambda row: encode(question.fingerprint(), *Position(part, row["place"], row["sku"])),
    )
    nothing = not (rows or after or question.narrowed)
    groups = [] if nothing else await _groups(db, question, meaning, of_facets, rows)
    total = rows[0]["total"] if rows else None
    if total is None and part == of_facets:
        total = told(groups, question.category)
    if total is None:
        query, values = queries.total(question, meaning, part)
        total = await db.fetchval(query, *values)
    return SearchResult(
        items=hits.items,
        facets=facets.counted(groups, question.category),
        total=min(total, ENOUGH),
        total_is_exact=part == ALL and total <= ENOUGH,
        next_cursor=hits.next_cursor,
    )


async def _parts(
    db: Connection, question: Question, meaning: Meaning, documents: float
) -> tuple[int, int]:
    """Of what part to ask the hits, and the facets."""
    if documents <= queries.LARGE or meaning.wide is None:
        return ALL, ALL
    query, values = queries.sample(question, meaning)
    row = await db.fetchrow(query, *values)
    assert row is not None
    part = queries.part_of(row["hits"])
    return part, queries.part_of(row["facets"]) if question.narrowed else part


async def _groups(
    db: Connection, question: Question, meaning: Meaning, part: int, rows: Sequence[Record]
) -> Sequence[Group]:
    if rows and rows[0]["groups"]:
        counted: list[Group] = json.loads(rows[0]["groups"])
        return counted
    query, values = queries.groups(question, meaning, part)
    return await db.fetch(query, *values)


def told(groups: Sequence[Group], category: str | None) -> int | None:
    """How many hits there are, where the facets tell: they do unless they end early, and a filter
    of price or category might let through more of what they have not seen."""
    seen = sum(group["count"] for group in groups)
    passed = sum(
        group["count"]
        for group in groups
        if group["in_range"] and category in (None, group["category"])
    )
    return passed if seen <= ENOUGH or passed == seen else None


def as_hit(row: Record, highlight: str) -> Hit:
    return Hit(
        sku=row["sku"],
        name=row["name"],
        price=price_of(row),
        currency=row["currency"],
        category=row["category"],
        score=row["score"],
        highlight=highlight,
    )


def _position(cursor: str | None, question: Question) -> Position | None:
    read = decode(cursor, str, int, str, str)
    if read is None:
        return None
    fingerprint, *position = read
    if fingerprint != question.fingerprint():
        raise invalid("#/cursor", "The cursor is of another search; start that one anew.")
    after = Position(*position)
    if after.part not in (ALL, *queries.PARTS):
        raise invalid("#/cursor", "The cursor is not one that this list gave out.")
    return after
