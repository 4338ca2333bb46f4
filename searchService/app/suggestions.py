"""What somebody who is still typing may want to type."""

from chassis import Connection

from .queries import Meaning

# However short the beginning is, this many documents with it are enough to choose from.
CANDIDATES = 300

MEANING = """
SELECT search.folded($1) AS beginning, exact, typed, wide FROM search.meaning($1, 'A')
"""

# What it means is known before, so that the planner knows how common it is.
SUGGEST = """
SELECT name
  FROM ((SELECT name, name_key, words FROM search.index
          WHERE words @@ $3::text::tsquery LIMIT $6)
         UNION ALL
        (SELECT name, name_key, words FROM search.index
          WHERE words @@ $5::text::tsquery LIMIT $6)
         LIMIT $6) candidates
 GROUP BY name, name_key
 ORDER BY bool_or(words @@ $3::text::tsquery) DESC, bool_or(words @@ $4::text::tsquery) DESC,
          name_key ^@ $2 DESC, search.similarity(name_key, $2) DESC, name
 LIMIT $1
"""


async def suggest(db: Connection, text: str, limit: int) -> list[str]:
    """Different names: first those with these words, then with ones that begin like this, then
    similar ones."""
    row = await db.fetchrow(MEANING, text)
    assert row is not None
    beginning, *meant = row.values()
    meaning = Meaning(*meant)
    exact, other = (*meaning.ways, None, None)[:2]
    rows = await db.fetch(SUGGEST, limit, beginning, exact, meaning.typed, other, CANDIDATES)
    return [row["name"] for row in rows]
