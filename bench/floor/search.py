"""searchService, bare: it asks PostgreSQL the same three questions."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from searchService.app import queries
from searchService.app.facets import BOUNDS
from searchService.app.highlights import highlighted
from searchService.app.queries import Meaning, Parts, Question
from searchService.app.searches import MEANING

from .bare import answer, db_of, service


async def search(request: Request) -> Response:
    db, asked = db_of(request), request.query_params
    question, limit = Question(asked["q"], None, None, None, None, "relevance"), int(asked["limit"])
    row = await db.fetchrow(MEANING, question.sku, None)
    assert row is not None
    *meant, _ = row.values()
    meaning = Meaning(*meant)
    query, values = queries.hits(question, meaning, Parts(), limit + 1, None)
    found = await db.fetch(query, *values)
    rows = found[:limit]
    names = await highlighted(db, (row["name"] for row in rows), meaning.wide)
    groups = json.loads(found[0]["groups"]) if found else []
    return answer(
        {
            "items": [hit(row, names[row["name"]]) for row in rows],
            "facets": counted(groups),
            "total": found[0]["total"] if found else 0,
            "total_is_exact": True,
            "next_cursor": rows[-1]["place"] if len(found) > limit else None,
        }
    )


def hit(row: Record, highlight: str) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "name": row["name"],
        "price": f"{row['price']:.2f}",
        "currency": row["currency"],
        "category": row["category"],
        "in_stock": row["in_stock"],
        "score": row["score"],
        "highlight": highlight,
    }


def counted(groups: list[dict[str, Any]]) -> dict[str, Any]:
    categories: Counter[str] = Counter()
    buckets: Counter[tuple[str, int]] = Counter()
    for group in groups:
        categories[group["category"]] += group["count"]
        buckets[group["currency"], group["bucket"]] += group["count"]
    ordered = sorted(categories.items(), key=lambda entry: (-entry[1], entry[0]))
    ranges = dict(enumerate(pairwise((*BOUNDS, None)), 1))
    return {
        "category": [{"value": value, "count": n} for value, n in ordered],
        "price": [
            {
                "currency": currency,
                "from": f"{ranges[number][0]}.00",
                "to": (to := ranges[number][1]) and f"{to}.00",
                "count": count,
            }
            for (currency, number), count in sorted(buckets.items())
        ],
    }


app = service(Route("/search", search))
