"""The SQL of a search, put together from the pieces that its question asks for."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from .conditions import Conditions
from .facets import BOUNDS
from .schemas import Sort

Query: TypeAlias = tuple[str, list[Any]]

QUOTES = "\"'“”„«»‘’"  # noqa: RUF001  # all of these are meant

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
SELECT sku, name, price, currency, category, in_stock, {score} AS score,
       place::text AS place, {seen}
  FROM (SELECT * FROM (SELECT *, {place} AS place FROM found) placed
         WHERE {after} ORDER BY place, sku LIMIT {limit}) hit
 ORDER BY hit.place, sku
"""

# The ones whose SKU was asked for, and those whose words answer: first with the words as they
# stand, then others, where these are not enough. Apart: with an OR between them, PostgreSQL lists
# all that each other condition lets through before it reads any.
OF_SKUS = "(SELECT {columns} FROM search.index WHERE sku = ANY ({skus}::text[]) AND {filters})"
OF_WORDS = """(SELECT {columns} FROM search.index
      WHERE {words} AND {part} AND {others} AND {filters} LIMIT {most})"""
OTHERS = "sku <> ALL ({skus}::text[])"
NOTHING = "(SELECT {columns} FROM search.index WHERE false AND {filters})"
FILTERED = "SELECT {columns} FROM search.index WHERE {filters} LIMIT {most}"

# All of them: an index of this order is read from where the page begins.
ALONG = "(SELECT * FROM search.index WHERE {conditions})"

# What is ranked is counted on the way: to find it once more costs as much as the ranks.
SEEN = "(SELECT count(*) FROM found) AS total"
SEEN_GROUPS = "(SELECT json_agg(counted) FROM ({groups}) counted) AS groups"

TOTAL = "SELECT count(*) FROM ({found}) hit"

SAMPLE = """
SELECT ARRAY[{hits}] AS hits, ARRAY[{facets}]::bigint[] AS facets
  FROM (SELECT words FROM search.index LIMIT {first}) first
"""
SAMPLED = """
CASE WHEN 2 * count(*) FILTER (WHERE {words}) < {first}
     THEN (SELECT count(*) FROM ({found}) hit) END
"""

# What both facets are counted from, in one pass.
COUNTED_COLUMNS = "category, category_key, currency, price"
GROUPS = """
SELECT category_key, min(category COLLATE "C") AS category, currency,
       width_bucket(price, {bounds}::numeric[]) AS bucket, {in_range} AS in_range, count(*) AS count
  FROM {found} hit
 GROUP BY category_key, currency, bucket, in_range
"""

# A SKU first, as it was typed and then in other ways; then names that are what was typed; then
# words as they stand, what they may be the beginnings of, and what was perhaps meant, each by its
# rank, which flag 32 keeps below 1.
SKU_SCORE = "WHEN sku = ? THEN 1 WHEN sku = ANY (?::text[]) THEN 0.99"
WHOLE_SCORE = """
(2 + (replace(name_key, ' ', '') = ?)::int + ts_rank(words, ?::text::tsquery, 32)) / 4
"""
TYPED_SCORE = "WHEN words @@ ?::text::tsquery THEN (1 + ts_rank(words, ?::text::tsquery, 32)) / 4"
WIDE_SCORE = "ts_rank(words, ?::text::tsquery, 32) / 4"

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
    currency: str | None = None

    @property
    def sku(self) -> str:
        """The text as an SKU, out of its quotes."""
        return self.text.strip(QUOTES)

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
    """A question's text as tsqueries (see search.meaning), None where it has no word; as a whole
    name is compared with it; and the SKUs that it is. Then the category that was asked for, as
    it is compared, and its words as a tsquery."""

    exact: str | None = None
    typed: str | None = None
    wide: str | None = None
    name: str = ""
    skus: Sequence[str] = ()
    category_key: str | None = None
    category: str | None = None

    @property
    def ways(self) -> list[str]:
        """As tsqueries that no document answers twice, the better one first: the words as they
        stand, and what else they may mean."""
        if self.exact is None or self.exact == self.wide:
            return [self.wide] if self.wide else []
        return [self.exact, f"({self.wide}) & !({self.exact})"]


class Parts(NamedTuple):
    """The parts of the index in which the words are looked up as they stand, and otherwise."""

    exact: int = ALL
    other: int = ALL


def hits(
    question: Question,
    meaning: Meaning,
    parts: Parts,
    limit: int,
    after: tuple[str, str] | None,
) -> Query:
    """Where relevance decides, those of these parts are ranked, and each row has the `total` too,
    and where the facets count the same documents, the rows for them as JSON, in `groups`; null
    otherwise.
    """
    conditions = _filters(question, meaning)
    place, kind = SORTS[question.order]
    score = _score(conditions, question, meaning)
    query = HITS.format(
        score=score,
        place=place.format(score=score),
        found=_found(conditions, question, meaning, parts),
        seen=_seen(conditions, question),
        after=conditions.bind(f"(place, sku) > (?::text::{kind}, ?)", *after) if after else "true",
        limit=conditions.bind("?", limit),
    )
    return query, conditions.values


def total(question: Question, meaning: Meaning, parts: Parts) -> Query:
    """How many hits these parts have; where they are more than ENOUGH, more than that."""
    conditions = _filters(question, meaning)
    found = _answers(conditions, question, meaning, parts, ENOUGH + 1)
    return TOTAL.format(found=found), conditions.values


def groups(question: Question, meaning: Meaning, parts: Parts) -> Query:
    """Rows for facets.counted: of all hits of these parts, or more than ENOUGH."""
    widened = question.widened()
    conditions = _filters(widened, meaning)
    found = _answers(conditions, widened, meaning, parts, ENOUGH + 1, COUNTED_COLUMNS)
    return _groups(conditions, question, f"({found})"), conditions.values


def sample(question: Question, meaning: Meaning) -> Query:
    """One row for `parts_of`: how many `hits` each way has in the part COUNTED, and where the
    question is narrowed, how many the `facets` would count. Null where every other document has the
    words, of which there must be some.
    """
    values: list[Any] = []
    most = FEW * PARTS[0] // COUNTED

    def sampled(asked: Question, way: str) -> str:
        conditions = _filters(asked, meaning, values)
        found = _of_words(conditions, asked, meaning, way, COUNTED, most)
        return SAMPLED.format(words=conditions.bind(WORDS, way), first=FIRST, found=found)

    hits = ", ".join(sampled(question, way) for way in meaning.ways)
    widened = question.widened()
    facets = ", ".join(sampled(widened, way) for way in meaning.ways if question.narrowed)
    return SAMPLE.format(hits=hits, facets=facets, first=FIRST), values


def parts_of(sampled: Sequence[int | None]) -> Parts:
    """Which parts to ask, where the one COUNTED has so many hits of each way."""
    return Parts(*map(_part_of, sampled))


def _part_of(sampled: int | None) -> int:
    if sampled is None:
        return ALL
    return next((part for part in PARTS if sampled * COUNTED >= FEW * part), ALL)


def _groups(conditions: Conditions, question: Question, found: str) -> str:
    return GROUPS.format(
        bounds=conditions.bind("?", list(BOUNDS)),
        in_range=_in_range(conditions, question) or "true",
        found=found,
    )


def _filters(question: Question, meaning: Meaning, values: list[Any] | None = None) -> Conditions:
    conditions = Conditions(values)
    if question.in_stock is not None:
        # As it stands, so that the planner knows how many there are.
        conditions.require("in_stock" if question.in_stock else "NOT in_stock")
    if question.category is not None:
        conditions.require("category_key = ?", meaning.category_key)
    if question.currency is not None:
        conditions.require("currency = ?", question.currency)
    if question.min_price is not None:
        conditions.require(f"{PRICE} >= ? AND {PRICE} < 'Infinity'", question.min_price)
    if question.max_price is not None:
        conditions.require(f"{PRICE} <= ?", question.max_price)
    return conditions


def _answers(
    conditions: Conditions,
    question: Question,
    meaning: Meaning,
    parts: Parts,
    most: int,
    columns: str = "",
) -> str:
    """The SELECT of the first documents that answer, `most` of them."""
    if not question.text:
        return FILTERED.format(columns=columns, filters=conditions, most=most)
    pieces = [
        _of_words(conditions, question, meaning, way, part, most, columns)
        for way, part in zip(meaning.ways, parts, strict=False)
    ]
    if meaning.skus:
        skus = conditions.bind("?", meaning.skus)
        pieces.insert(0, OF_SKUS.format(columns=columns, skus=skus, filters=conditions))
    if not pieces:
        return NOTHING.format(columns=columns, filters=conditions)
    return pieces[0] if len(pieces) == 1 else f"{' UNION ALL '.join(pieces)} LIMIT {most}"


def _of_words(
    conditions: Conditions,
    question: Question,
    meaning: Meaning,
    way: str,
    part: int,
    most: int,
    columns: str = "",
) -> str:
    words = conditions.bind(WORDS, way)
    if question.category is not None and meaning.category:
        # They are in the words' index, which then lists no document of another category.
        words += " AND " + conditions.bind(WORDS, meaning.category)
    others = "true"
    if meaning.skus:
        others = OTHERS.format(skus=conditions.bind("?", meaning.skus))
    return OF_WORDS.format(
        columns=columns,
        words=words,
        part=_of_part(part),
        others=others,
        filters=conditions,
        most=most,
    )


def _of_part(part: int) -> str:
    """As its index has it."""
    return "true" if part == ALL else f"number / 128 % {part} = 0"


def _found(conditions: Conditions, question: Question, meaning: Meaning, parts: Parts) -> str:
    if question.order == "relevance":
        found = _answers(conditions, question, meaning, parts, ENOUGH + 1, "*")
        return f"MATERIALIZED ({found})"
    if question.text:
        pieces = []
        if meaning.wide:
            pieces.append(conditions.bind(WORDS, meaning.wide))
        if meaning.skus:
            pieces.append(conditions.bind("sku = ANY (?::text[])", meaning.skus))
        conditions.require(" OR ".join(pieces) or "false")
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
    pieces = []
    if meaning.skus:
        pieces.append(conditions.bind(SKU_SCORE, question.sku, meaning.skus))
    rest = "0"
    if meaning.exact:
        rest = conditions.bind(WHOLE_SCORE, meaning.name, meaning.exact)
    if meaning.exact and meaning.exact != meaning.wide:
        pieces.append(f"WHEN {conditions.bind(WORDS, meaning.exact)} THEN {rest}")
        if meaning.typed not in (meaning.exact, meaning.wide):
            pieces.append(conditions.bind(TYPED_SCORE, meaning.typed, meaning.typed))
        rest = conditions.bind(WIDE_SCORE, meaning.wide)
        if meaning.typed == meaning.wide:
            rest = f"(1 + 4 * {rest}) / 4"
    return f"CASE {' '.join(pieces) or 'WHEN false THEN 0'} ELSE {rest} END::float8"
