"""How many hits there are of each category and in each range of prices."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

from asyncpg import Record

from chassis.money import DECIMALS

from .schemas import CategoryCount, Facets, PriceCount

# A row, or one that came as JSON.
Group: TypeAlias = Record | dict[str, Any]

# Where the ranges of prices begin, in major units of whatever currency.
BOUNDS = (0, 10, 25, 50, 100, 250, 500, 1000, 2500)
MOST_CATEGORIES = 100


def counted(groups: Sequence[Group], category_key: str | None) -> Facets:
    """The facets from rows of `category_key, category, currency, bucket, in_range, count`.

    Categories that read the same are one, shown as one of them writes it. The groups are those
    under all filters but price and category, which decide here: each facet counts what is left
    without its own.
    """
    categories: Counter[str] = Counter()
    shown: dict[str, str] = {}
    prices: Counter[tuple[str, int]] = Counter()
    for group in groups:
        key = group["category_key"]
        if group["in_range"] and key is not None:
            categories[key] += group["count"]
            shown[key] = min(group["category"], shown.get(key, group["category"]))
        if group["bucket"] is not None and category_key in (None, key):
            prices[group["currency"], group["bucket"]] += group["count"]
    return Facets(category=_categories(categories, shown), price=_prices(prices))


def _categories(counts: Counter[str], shown: dict[str, str]) -> list[CategoryCount]:
    """The largest first, equals by name."""
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], shown[entry[0]]))
    return [CategoryCount(value=shown[key], count=n) for key, n in ordered[:MOST_CATEGORIES]]


def _prices(counts: Counter[tuple[str, int]]) -> list[PriceCount]:
    """The ranges with hits of each currency, cheapest first. PostgreSQL numbers its buckets from
    1."""
    return [
        PriceCount(
            currency=currency,
            start=_written(BOUNDS[number - 1], currency),
            to=_written(BOUNDS[number], currency) if number < len(BOUNDS) else None,
            count=count,
        )
        for (currency, number), count in sorted(counts.items())
    ]


def _written(major: int, currency: str) -> str:
    return f"{major:.{DECIMALS[currency]}f}"
