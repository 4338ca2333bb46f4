"""The SQL of a search, put together from the pieces that its question asks for."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

from .conditions import Conditions
from .facets import BOUNDS
from .schemas import Sort

Query: TypeAlias = tuple[str, list[Any]]

# Where there are more, relevance is told among this many of them, and counting ends here: ranking
# and counting a million hits of `a` takes seconds, and nobody reads them.
ENOUGH = 1000

# Of more documents than LARGE a question is asked of a part of them, of the smallest one that has
# some FEW hits: then a common word costs the same however large the index. A part is one block of
# documents in so many, and the words of each part have an index of their own.
LARGE, FEW = 200_000, 100
ALL, PARTS = 1, (256, 64, 8)
# Where hits are counted to see which part has some FEW: a smaller one would tell little.
COUNTED = 64
# What every other one of the first documents has is found soonest by reading them: the index of a
# part would list nearly all that the part has.
FIRST = 100

# The score is computed on a page, not on every row that the sort passes by.
HITS = """
WITH found AS {found}
SELECT sku, name, price, currency, category, {score} AS score, place::text AS place, {seen}
  FROM (SELECT * FROM (SELECT *, {place} AS place FROM found) placed
         WHERE {after} ORDER BY place, sku LIMIT {limit}) hit
 ORDER BY hit.place, sku
"""

# Those whose words answer, and the one whose SKU was asked for in any case. Apart: with an OR
# between them, PostgreSQL lists all that each other condition lets through before it reads any.
ANSWERS = """
    SELECT {columns} FROM search.index WHERE sku = {sku} AND {filters}
    UNION ALL
    (SELECT {columns} FROM search.index
      WHERE {words} AND {part} AND sku <> {sku} AND {filters} LIMIT {most})
"""
THE_ONE = "SELECT {columns} FROM search.index WHERE sku = {sku} AND {filters}"
FILTERED = "SELECT {columns} FROM search.index WHERE {filters} LIMIT {most}"

# All of them: an index of this order is read from where the page begins.
ALONG = "(SELECT * FROM search.index WHERE {conditions})"

# What is ranked is counted on the way: to find it once more costs as much as the ranks.
SEEN = "(SELECT count(*) FROM found) AS total"
SEEN_GROUPS = "(SELECT json_agg(counted) FROM ({groups}) counted) AS groups"

TOTAL = "SELECT count(*) FROM ({found}) hit"

SAMPLE = """
SELECT {hits} AS hits, {facets} AS facets
  FROM (SELECT words FROM search.index LIMIT {first}) first WHERE {words}
"""
SAMPLED = "CASE WHEN 2 * count(*) < {first} THEN (SELECT count(*) FROM ({found}) hit) END"

# Both facets in one pass.
GROUPS = """
SELECT category, width_bucket(price, {bounds}::numeric[]) AS bucket, {in_range} AS in_range,
       count(*) AS count
  FROM {found} hit
 GROUP BY 1, 2, 3
"""

# What was typed counts three times as much as what was perhaps meant. Flag 32 keeps a rank
# below 1, which is the SKU's own.
SCORE = """
CASE WHEN sku = ? THEN 1
     ELSE (3 * ts_rank(words, ?::text::tsquery, 32) + ts_rank(words, ?::text::tsquery, 32)) / 4
 END::float8
"""
# The same, where what was typed is all that it can mean.
PLAIN_SCORE = "CASE WHEN sku = ? THEN 1 ELSE ts_rank(words, ?::text::tsquery, 32) END::float8"

WORDS = "words @@ ?::text::tsquery"

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

    def widened(self) -> "Question":
        """What the facets count: they leave out category and price."""
        return replace(self, category=None, min_price=None, max_price=None)

    def fingerprint(self) -> str:
        """Ties a cursor to its question: a position means nothing in another list."""
        canonical = json.dumps(asdict(self), default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Meaning:
    """A question's text as tsqueries (see search.meaning), None where it has no word, and the words
    of the category that was asked for, as another."""

    typed: str | None
    wide: str | None
    category: str | None = None


def hits(
    question: Question,
    meaning: Meaning,
    part: int,
    limit: int,
    after: tuple[str, str] | None,
) -> Query:
    """Where relevance decides, those of this part are ranked, and each row has the `total` too, and
    where the facets count the same documents, the rows for them as JSON, in `groups`; null
    otherwise.
    """
    conditions = _filters(question)
    place, kind = SORTS[question.order]
    score = _score(conditions, question, meaning)
    query = HITS.format(
        score=score,
        place=place.format(score=score),
        found=_found(conditions, question, meaning, part),
        seen=_seen(conditions, question),
        after=conditions.bind(f"(place, sku) > (?::text::{kind}, ?)", *after) if after else "true",
        limit=conditions.bind("?", limit),
    )
    return query, conditions.values


def total(question: Question, meaning: Meaning, part: int) -> Query:
    """How many hits this part has; where they are more than ENOUGH, more than that."""
    conditions = _filters(question)
    found = _answers(conditions, question, meaning, part, ENOUGH + 1)
    return TOTAL.format(found=found), conditions.values


def groups(question: Question, meaning: Meaning, part: int) -> Query:
    """Rows for facets.counted: of all hits of this part, or more than ENOUGH."""
    widened = question.widened()
    conditions = _filters(widened)
    found = _answers(conditions, widened, meaning, part, ENOUGH + 1, "category, price")
    return _groups(conditions, question, f"({found})"), conditions.values


def sample(question: Question, meaning: Meaning) -> Query:
    """One row for `part_of`: how many `hits` there are in the part COUNTED, and where the question
    is narrowed, how many the `facets` would count. Null where every other document has the words,
    of which there must be some.
    """
    values: list[Any] = []
    most = FEW * PARTS[0] // COUNTED

    def sampled(asked: Question) -> str:
        found = _answers(_filters(asked, values), asked, meaning, COUNTED, most)
        return SAMPLED.format(first=FIRST, found=found)

    hits = sampled(question)
    facets = sampled(question.widened()) if question.narrowed else "NULL"
    words = Conditions(values).bind(WORDS, meaning.wide)
    return SAMPLE.format(hits=hits, facets=facets, first=FIRST, words=words), values


def part_of(sampled: int | None) -> int:
    """Which part to ask, where the one COUNTED has so many hits."""
    if sampled is None:
        return ALL
    return next((part for part in PARTS if sampled * COUNTED >= FEW * part), ALL)


def _groups(conditions: Conditions, question: Question, found: str) -> str:
    return GROUPS.format(
        bounds=conditions.bind("?", list(BOUNDS)),
        in_range=_in_range(conditions, question) or "true",
        found=found,
    )


def _filters(question: Question, values: list[Any] | None = None) -> Conditions:
    conditions = Conditions(values)
    if question.in_stock is not None:
        # As it stands, so that the planner knows how many there are.
        conditions.require("in_stock" if question.in_stock else "NOT in_stock")
    if question.category is not None:
        conditions.require("category = ?", question.category)
    if question.min_price is not None:
        conditions.require(f"{PRICE} >= ? AND {PRICE} < 'Infinity'", question.min_price)
    if question.max_price is not None:
        conditions.require(f"{PRICE} <= ?", question.max_price)
    return conditions


def _answers(
    conditions: Conditions,
    question: Question,
    meaning: Meaning,
    part: int,
    most: int,
    columns: str = "",
) -> str:
    """The SELECT of the first documents that answer, so `most` of them and perhaps one more."""
    pieces = {"columns": columns, "filters": str(conditions), "most": most}
    if not question.text:
        return FILTERED.format(**pieces)
    sku = conditions.bind("?", question.text)
    if meaning.wide is None:
        return THE_ONE.format(**pieces, sku=sku)
    words = conditions.bind(WORDS, meaning.wide)
    if question.category is not None and meaning.category:
        # They are in the words' index, which then lists no document of another category.
        words += " AND " + conditions.bind(WORDS, meaning.category)
    return ANSWERS.format(**pieces, sku=sku, words=words, part=_of_part(part))


def _of_part(part: int) -> str:
    """As its index has it."""
    return "true" if part == ALL else f"number / 128 % {part} = 0"


def _found(conditions: Conditions, question: Question, meaning: Meaning, part: int) -> str:
    if question.order == "relevance":
        found = _answers(conditions, question, meaning, part, ENOUGH + 1, "*")
        return f"MATERIALIZED ({found})"
    if question.text and meaning.wide:
        conditions.require(f"{WORDS} OR sku = ?", meaning.wide, question.text)
    elif question.text:
        conditions.require("sku = ?", question.text)
    return ALONG.format(conditions=conditions)


def _seen(conditions: Conditions, question: Question) -> str:
    if question.order != "relevance":
        return "NULL AS total, NULL AS groups"
    if question.narrowed:
        return f"{SEEN}, NULL AS groups"
    return f"{SEEN}, {SEEN_GROUPS.format(groups=_groups(conditions, question, 'found'))}"


def _in_range(conditions: Conditions, question: Question) -> str | None:
    """Whether a price is one that was asked for; what has none is not."""
    pieces = []
    if question.min_price is not None:
        pieces.append(conditions.bind("price >= ?", question.min_price))
    if question.max_price is not None:
        pieces.append(conditions.bind("price <= ?", question.max_price))
    return f"coalesce({' AND '.join(pieces)}, false)" if pieces else None


def _score(conditions: Conditions, question: Question, meaning: Meaning) -> str:
    if not question.text:
        return "0::float8"
    if meaning.wide is None:
        return "1::float8"
    if meaning.typed == meaning.wide:
        return conditions.bind(PLAIN_SCORE, question.text, meaning.typed)
    return conditions.bind(SCORE, question.text, meaning.typed, meaning.wide)
