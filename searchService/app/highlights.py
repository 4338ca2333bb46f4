"""Names as HTML, with the words that answer a question in <em>."""

import re
from collections.abc import Iterable
from html import escape

from chassis import Connection

# A word as a reader sees it, its accents and apostrophes included.
WORD = re.compile("[^\\W_](?:[^\\W_]|['’\u0300-\u036f])*")  # noqa: RUF001  # both apostrophes are meant

MATCHING = """
SELECT word FROM unnest($1::text[]) AS word
 WHERE search.lexemes(word) @@ replace($2::text, '&', '|')::tsquery
"""


async def highlighted(db: Connection, names: Iterable[str], query: str | None) -> dict[str, str]:
    """Each name as HTML, everything in it escaped, and marked where a word matches the query.

    PostgreSQL's own ts_headline is no help here: it drops what looks like a tag, and escapes
    nothing.
    """
    names = set(names)
    words = {word for name in names for word in WORD.findall(name)}
    rows = await db.fetch(MATCHING, list(words), query) if query and words else []
    matching = {row["word"] for row in rows}
    return {name: _marked(name, matching) for name in names}


def _marked(name: str, matching: set[str]) -> str:
    parts, end = [], 0
    for found in WORD.finditer(name):
        if found[0] in matching:
            parts += [escape(name[end : found.start()]), f"<em>{escape(found[0])}</em>"]
            end = found.end()
    return "".join([*parts, escape(name[end:])])
