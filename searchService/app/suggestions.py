"""What somebody who is still typing may want to type."""

from chassis import Connection

# However short the beginning is, this many documents with it are enough to choose from.
CANDIDATES = 1000

SUGGEST = """
WITH asked AS MATERIALIZED (
    SELECT search.folded($1) AS beginning, typed, wide FROM search.meaning($1, 'A')
), candidates AS (
    SELECT name, name_key, words FROM search.index
     WHERE words @@ (SELECT wide::tsquery FROM asked) LIMIT $3
)
SELECT name
  FROM candidates, asked
 GROUP BY name, name_key, beginning
 ORDER BY bool_or(words @@ typed::tsquery) DESC, name_key ^@ beginning DESC,
          search.similarity(name_key, beginning) DESC, name
 LIMIT $2
"""


async def suggest(db: Connection, text: str, limit: int) -> list[str]:
    """Different names: first those with words that begin like this, then similar ones."""
    rows = await db.fetch(SUGGEST, text, limit, CANDIDATES)
    return [row["name"] for row in rows]
