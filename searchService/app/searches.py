"""A search: what was asked, what answers it in which order, and how much of it there is."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from asyncpg import Record

from chassis import Connection
from chassis.lists import decode, encode, page
from chassis.problems import invalid_parameter

from . import facets, queries
from .documents import price_of
from .facets import Group
from .highlights import highlighted
from .queries import ALL, ENOUGH, Meaning, Parts, Question
from .schemas import Hit, SearchResult

# An SKU is asked for in any case, with its dashes or without; few differ in these only.
# How many documents there are is what PostgreSQL saw when it last looked; -1 before that.
MEANING = """
SELECT exact, typed, wide, replace(left(search.folded($1), 64), ' ', '') AS name,
       ARRAY(SELECT sku FROM search.index
              WHERE sku_key = search.sku_key(
                  regexp_replace(search.letters($1), '[^a-z0-9._-]', '', 'g'))
              ORDER BY sku <> $1, sku LIMIT 20) AS skus,
       search.category_key($2) AS category_key, search.together($2) AS category,
       (SELECT reltuples FROM pg_class WHERE oid = 'search.index'::regclass) AS documents
  FROM search.meaning($1, '')
"""


class Position(NamedTuple):
    """Where a page begins: behind this hit, among those of these parts."""

    exact: int
    other: int
    place: str
    sku: str

    @property
    def parts(self) -> Parts:
        return Parts(self.exact, self.other)


async def search(
    db: Connection, question: Question, limit: int, cursor: str | None
) -> SearchResult:
    """Raises InvalidRequest for a cursor of another question."""
    after = _position(cursor, question)
    row = await db.fetchrow(MEANING, question.sku, question.category)
    assert row is not None
    *meant, documents = row.values()
    meaning = Meaning(*meant)
    if after and not question.narrowed:
        parts = of_facets = after.parts
    else:
        parts, of_facets = await _parts(db, question, meaning, documents)
        parts = after.parts if after else parts
    query, values = queries.hits(question, meaning, parts, limit + 1, after and after[2:])
    rows = await db.fetch(query, *values)
    names = await highlighted(db, (row["name"] for row in rows), meaning.wide)
    hits = page(
        rows,
        limit,
        lambda row: as_hit(row, names[row["name"]]),
        lambda row: encode(question.fingerprint(), *parts, row["place"], row["sku"]),
    )
    nothing = not (rows or after or question.narrowed)
    groups = [] if nothing else await _groups(db, question, meaning, of_facets, rows)
    total = rows[0]["total"] if rows else None
    if total is None and parts == of_facets:
        total = told(groups, meaning.category_key)
    if total is None:
        query, values = queries.total(question, meaning, parts)
        total = await db.fetchval(query, *values)
    return SearchResult(
        items=hits.items,
        facets=facets.counted(groups, meaning.category_key),
        total=min(total, ENOUGH),
        total_is_exact=parts == Parts() and total <= ENOUGH,
        next_cursor=hits.next_cursor,
    )


async def _parts(
    db: Connection, question: Question, meaning: Meaning, documents: float
) -> tuple[Parts, Parts]:
    """Of what parts to ask the hits, and the facets."""
    if documents <= queries.LARGE or meaning.wide is None:
        return Parts(), Parts()
    query, values = queries.sample(question, meaning)
    row = await db.fetchrow(query, *values)
    assert row is not None
    parts = queries.parts_of(row["hits"])
    return parts, queries.parts_of(row["facets"]) if question.narrowed else parts


async def _groups(
    db: Connection, question: Question, meaning: Meaning, parts: Parts, rows: Sequence[Record]
) -> Sequence[Group]:
    if rows and rows[0]["groups"]:
        counted: list[Group] = json.loads(rows[0]["groups"])
        return counted
    query, values = queries.groups(question, meaning, parts)
    return await db.fetch(query, *values)


def told(groups: Sequence[Group], category_key: str | None) -> int | None:
    """How many hits there are, where the facets tell: they do unless they end early, and a filter
    of price or category might let through more of what they have not seen."""
    seen = sum(group["count"] for group in groups)
    passed = sum(
        group["count"]
        for group in groups
        if group["in_range"] and category_key in (None, group["category_key"])
    )
    return passed if seen <= ENOUGH or passed == seen else None


def as_hit(row: Record, highlight: str) -> Hit:
    return Hit(
        sku=row["sku"],
        name=row["name"],
        price=price_of(row),
        currency=row["currency"],
        category=row["category"],
        in_stock=row["in_stock"],
        score=row["score"],
        highlight=highlight,
    )


def _position(cursor: str | None, question: Question) -> Position | None:
    read = decode(cursor, str, int, int, str, str)
    if read is None:
        return None
    fingerprint, *position = read
    if fingerprint != question.fingerprint():
        raise invalid_parameter("cursor", "The cursor is of another search; start that one anew.")
    after = Position(*position)
    if not {*after.parts} <= {ALL, *queries.PARTS}:
        raise invalid_parameter("cursor", "The cursor is not one that this list gave out.")
    return after
