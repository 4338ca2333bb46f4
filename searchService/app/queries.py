"""The SQL of a search, put together from the pieces that its question asks for."""

import hashlib
import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from .conditions import Conditions
from .facets import BOUNDS
from .schemas import Sort

Query: TypeAlias = tuple[str, list[Any]]

# Where there are more, relevance is told among this many of them, and counting ends here: ranking
# and counting a million hits of `a` takes seconds, and nobody reads them. So few that a common word
# costs about what a rare one does, however large the index.
ENOUGH = 1000

# The score is computed on a page, not on every row that the sort passes by.
HITS = """
WITH found AS {found}
SELECT sku, name, price, currency, category, {score} AS score, place::text AS place, {seen}
  FROM (SELECT * FROM (SELECT *, {place} AS place FROM found) placed
         WHERE {after} ORDER BY place, sku LIMIT {limit}) hit
 ORDER BY hit.place, sku
"""

FOUND = "(SELECT * FROM search.index WHERE {conditions})"

# The document whose SKU was asked for is among them in any case.
FOUND_ENOUGH = """
MATERIALIZED (
    SELECT * FROM search.index WHERE {conditions} AND sku = {sku}
    UNION ALL (SELECT * FROM search.index WHERE {conditions} AND sku <> {sku} LIMIT {enough}))
"""

# What is ranked is counted on the way: to find it once more costs as much as the ranks.
SEEN = "(SELECT count(*) FROM found) AS total"
SEEN_GROUPS = "(SELECT json_agg(counted) FROM ({groups}) counted) AS groups"

TOTAL = "SELECT count(*) FROM (SELECT FROM search.index WHERE {conditions} LIMIT {enough}) hit"

# Both facets in one pass; `conditions` leave out category and price.
GROUPS = """
SELECT category, width_bucket(price, {bounds}::numeric[]) AS bucket, {in_range} AS in_range,
       count(*) AS count
  FROM {hits} hit
 GROUP BY 1, 2, 3
"""
GROUPED = "(SELECT category, price FROM search.index WHERE {conditions} LIMIT {enough})"

# What was typed counts three times as much as what was perhaps meant. Flag 32 keeps a rank
# below 1, which is the SKU's own.
SCORE = """
CASE WHEN sku = ? THEN 1
     ELSE (3 * ts_rank(words, ?::text::tsquery, 32) + ts_rank(words, ?::text::tsquery, 32)) / 4
 END::float8
"""
# The same, where what was typed is all that it can mean.
PLAIN_SCORE = "CASE WHEN sku = ? THEN 1 ELSE ts_rank(words, ?::text::tsquery, 32) END::float8"

# As its index has it; what has no price is not in any range.
PRICE = "coalesce(price, 'Infinity')"

# What each sort goes by, ascending, and its type; the SKU decides between equals.
SORTS: dict[Sort, tuple[str, str]] = {
    "relevance": ("-({score})", "float8"),
    "price": (PRICE, "numeric"),
    "-price": ("coalesce(-price, 'Infinity')", "numeric"),
    "name": ("name_key", "text"),
}


@dataclass(frozen=True)
class Question:
    """`text` is empty where everything is asked for."""

    text: str
    category: str | None
    min_price: Decimal | None
    max_price: Decimal | None
    in_stock: bool | None
    sort: Sort

    @property
    def order(self) -> Sort:
        """Without a text all are equally relevant: then the name decides."""
        return "name" if self.sort == "relevance" and not self.text else self.sort

    @property
    def narrowed(self) -> bool:
        """Whether the facets count more than the hits."""
        return (self.category, self.min_price, self.max_price) != (None, None, None)

    def fingerprint(self) -> str:
        """Ties a cursor to its question: a position means nothing in another list."""
        canonical = json.dumps(asdict(self), default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Meaning:
    """A question's text as tsqueries (see search.meaning); None where it has no word."""

    typed: str | None
    wide: str | None


def hits(
    question: Question,
    meaning: Meaning,
    limit: int,
    after: tuple[str, str] | None,
) -> Query:
    """Where relevance decides, each row has the `total` too, and where the facets count the same
    documents, the rows for them as JSON, in `groups`; null otherwise.
    """
    conditions = _filtered(question, meaning)
    place, kind = SORTS[question.order]
    score = _score(conditions, question, meaning)
    query = HITS.format(
        score=score,
        place=place.format(score=score),
        found=_found(conditions, question),
        seen=_seen(conditions, question),
        after=conditions.bind(f"(place, sku) > (?::text::{kind}, ?)", *after) if after else "true",
        limit=conditions.bind("?", limit),
    )
    return query, conditions.values


def total(question: Question, meaning: Meaning) -> Query:
    """One more than ENOUGH at most."""
    conditions = _filtered(question, meaning)
    query = TOTAL.format(conditions=conditions, enough=ENOUGH + 1)
    return query, conditions.values


def groups(question: Question, meaning: Meaning) -> Query:
    """Rows for facets.counted: of one hit more than ENOUGH at most."""
    conditions = _asked(question, meaning)
    found = GROUPED.format(conditions=conditions, enough=ENOUGH + 1)
    return _groups(conditions, question, found), conditions.values


def _groups(conditions: Conditions, question: Question, found: str) -> str:
    return GROUPS.format(
        bounds=conditions.bind("?", list(BOUNDS)),
        in_range=_in_range(conditions, question) or "true",
        hits=found,
    )


def _filtered(question: Question, meaning: Meaning) -> Conditions:
    conditions = _asked(question, meaning)
    if question.category is not None:
        conditions.require("category = ?", question.category)
    if question.min_price is not None:
        conditions.require(f"{PRICE} >= ? AND {PRICE} < 'Infinity'", question.min_price)
    if question.max_price is not None:
        conditions.require(f"{PRICE} <= ?", question.max_price)
    return conditions


def _asked(question: Question, meaning: Meaning) -> Conditions:
    """The filters that hits and both facets go by."""
    conditions = Conditions()
    if question.text and meaning.wide:
        conditions.require("words @@ ?::text::tsquery OR sku = ?", meaning.wide, question.text)
    elif question.text:
        conditions.require("sku = ?", question.text)
    if question.in_stock is not None:
        # As it stands, so that the planner knows how many there are.
        conditions.require("in_stock" if question.in_stock else "NOT in_stock")
    return conditions


def _in_range(conditions: Conditions, question: Question) -> str | None:
    """Whether a price is one that was asked for; what has none is not."""
    pieces = []
    if question.min_price is not None:
        pieces.append(conditions.bind("price >= ?", question.min_price))
    if question.max_price is not None:
        pieces.append(conditions.bind("price <= ?", question.max_price))
    return f"coalesce({' AND '.join(pieces)}, false)" if pieces else None


def _found(conditions: Conditions, question: Question) -> str:
    if question.order != "relevance":
        return FOUND.format(conditions=conditions)
    sku = conditions.bind("?", question.text)
    return FOUND_ENOUGH.format(conditions=conditions, sku=sku, enough=ENOUGH + 1)


def _seen(conditions: Conditions, question: Question) -> str:
    if question.order != "relevance":
        return "NULL AS total, NULL AS groups"
    if question.narrowed:
        return f"{SEEN}, NULL AS groups"
    return f"{SEEN}, {SEEN_GROUPS.format(groups=_groups(conditions, question, 'found'))}"


def _score(conditions: Conditions, question: Question, meaning: Meaning) -> str:
    if not question.text:
        return "0::float8"
    if meaning.wide is None:
        return "1::float8"
    if meaning.typed == meaning.wide:
        return conditions.bind(PLAIN_SCORE, question.text, meaning.typed)
    return conditions.bind(SCORE, question.text, meaning.typed, meaning.wide)
