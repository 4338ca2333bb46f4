"""How many hits there are of each category and in each range of prices."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from asyncpg import Record

from .schemas import CategoryCount, Facets, PriceCount

# A row, or one that came as JSON.
Group: TypeAlias = Record | dict[str, Any]

# Where the ranges of prices begin, in major units of whatever currency.
BOUNDS = (0, 10, 25, 50, 100, 250, 500, 1000, 2500)
MOST_CATEGORIES = 100


def counted(groups: Sequence[Group], category: str | None) -> Facets:
    """The facets from rows of `category, bucket, in_range, count`.

    The groups are those under all filters but price and category, which decide here: each facet
    counts what is left without its own.
    """
    categories: Counter[str] = Counter()
    buckets: Counter[int] = Counter()
    for group in groups:
        if group["in_range"] and group["category"] is not None:
            categories[group["category"]] += group["count"]
        if group["bucket"] is not None and category in (None, group["category"]):
            buckets[group["bucket"]] += group["count"]
    return Facets(category=_categories(categories), price=_prices(buckets))


def _categories(counts: Counter[str]) -> list[CategoryCount]:
    """The largest first, equals by name."""
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [CategoryCount(value=value, count=count) for value, count in ordered[:MOST_CATEGORIES]]


def _prices(counts: Counter[int]) -> list[PriceCount]:
    """The ranges with hits, cheapest first. PostgreSQL numbers its buckets from 1."""
    return [
        PriceCount(start=f"{start}.00", to=f"{to}.00" if to else None, count=counts[number])
        for number, (start, to) in enumerate(pairwise((*BOUNDS, None)), 1)
        if counts[number]
    ]
