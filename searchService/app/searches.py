"""A search: what was asked, what answers it in which order, and how much of it there is."""

import json
from collections.abc import Sequence

from asyncpg import Record

from chassis import Connection, invalid
from chassis.lists import decode, encode, page

from . import facets, queries
from .documents import price_of
from .facets import Group
from .highlights import highlighted
from .queries import ENOUGH, Meaning, Question
from .schemas import Hit, SearchResult

MEANING = "SELECT typed, wide FROM search.meaning($1, '')"


async def search(
    db: Connection, question: Question, limit: int, cursor: str | None
) -> SearchResult:
    """Raises InvalidRequest for a cursor of another question."""
    after = _position(cursor, question)
    row = await db.fetchrow(MEANING, question.text)
    assert row is not None
    meaning = Meaning(row["typed"], row["wide"])
    query, values = queries.hits(question, meaning, limit + 1, after)
    rows = await db.fetch(query, *values)
    names = await highlighted(db, (row["name"] for row in rows), meaning.wide)
    hits = page(
        rows,
        limit,
        lambda row: as_hit(row, names[row["name"]]),
        lambda row: encode(question.fingerprint(), row["place"], row["sku"]),
    )
    nothing = not (rows or after or question.narrowed)
    groups = [] if nothing else await _groups(db, question, meaning, rows)
    total = await _total(db, question, meaning, rows, groups)
    return SearchResult(
        items=hits.items,
        facets=facets.counted(groups, question.category),
        total=min(total, ENOUGH),
        total_is_exact=total <= ENOUGH,
        next_cursor=hits.next_cursor,
    )


async def _groups(
    db: Connection, question: Question, meaning: Meaning, rows: Sequence[Record]
) -> Sequence[Group]:
    if rows and rows[0]["groups"]:
        counted: list[Group] = json.loads(rows[0]["groups"])
        return counted
    query, values = queries.groups(question, meaning)
    return await db.fetch(query, *values)


async def _total(
    db: Connection,
    question: Question,
    meaning: Meaning,
    rows: Sequence[Record],
    groups: Sequence[Group],
) -> int:
    total = rows[0]["total"] if rows else None
    if total is None:
        total = told(groups, question.category)
    if total is None:
        query, values = queries.total(question, meaning)
        total = await db.fetchval(query, *values)
    return int(total)


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


def _position(cursor: str | None, question: Question) -> tuple[str, str] | None:
    position = decode(cursor, str, str, str)
    if position is None:
        return None
    fingerprint, place, sku = position
    if fingerprint != question.fingerprint():
        raise invalid("#/cursor", "The cursor is of another search; start that one anew.")
    return place, sku
