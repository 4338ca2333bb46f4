"""Names as HTML, with what answers a question in <em>."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from chassis import Connection

# Scripts that write few spaces, as in search.unspaced, and their punctuation, which is not found
# there: what is marked is a part of what stands between spaces.
_UNSPACED = (
    "\u0e01-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
# What is part of a word, and no letter by itself: marks, joiners, and both apostrophes.
_MARKS = (
    "'’\u00ad\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"  # noqa: RUF001
    "\u0900-\u0dff\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\ufe00-\ufe0f\ufe20-\ufe2f\ufeff"
)
WORD = re.compile(
    f"(?P<letters>[{_UNSPACED}]+)|(?![{_UNSPACED}])[^\\W_](?:(?![{_UNSPACED}])[^\\W_]|[{_MARKS}]"
    "|(?<=[0-9])[.,](?=[0-9]))*"
)

# A word is cut as in the index. There, unspaced letters are lexemes, and so are two neighbours.
MATCHING = """
SELECT word
  FROM (SELECT word, search.cut(word) AS cut FROM unnest($1::text[]) AS word) AS named
 WHERE cut ~ '[^ -]' AND array_to_tsvector(array_remove(
           string_to_array(translate(cut, '-~', '  '), ' ')
           || translate(cut, '-~ ', '') || search.stem(translate(cut, '-~ ', '')), ''))
           @@ $3::text::tsquery
UNION ALL
SELECT letters
  FROM (SELECT letters, search.cut(letters) AS cut FROM unnest($2::text[]) AS letters) AS named
 WHERE cut ~ '[^ -]'
   AND array_to_tsvector(ARRAY[translate(cut, '-~ ', '')]) @@ $3::text::tsquery
"""


async def highlighted(db: Connection, names: Iterable[str], query: str | None) -> dict[str, str]:
    """Each name as HTML, everything in it escaped, and marked where it matches the query.

    PostgreSQL's own ts_headline is no help here: it drops what looks like a tag, and escapes
    nothing.
    """
    names = set(names)
    found = [each for name in names for each in WORD.finditer(name)]
    words = {each[0] for each in found if not each["letters"]}
    letters = {pair for each in found if each["letters"] for pair in _letters(each[0])}
    any_of_it = re.sub("&|<[-0-9]+>", "|", query or "")
    rows = (
        await db.fetch(MATCHING, list(words), list(letters), any_of_it) if query and found else []
    )
    matching = {row["word"] for row in rows}
    return {name: _marked(name, matching) for name in names}


def _letters(run: str) -> Iterator[str]:
    """Each letter, and each two neighbours."""
    yield from run
    for place in range(len(run) - 1):
        yield run[place : place + 2]


def _marked(name: str, matching: set[str]) -> str:
    marked = [False] * len(name)
    for word in WORD.finditer(name):
        if not word["letters"]:
            marked[word.start() : word.end()] = [word[0] in matching] * len(word[0])
            continue
        for size in (1, 2):
            for place in range(word.start(), word.end() - size + 1):
                if name[place : place + size] in matching:
                    marked[place : place + size] = [True] * size
    parts = groupby(zip(name, marked, strict=True), key=lambda each: each[1])
    return "".join(
        f"<em>{text}</em>" if is_marked else text
        for is_marked, letters in parts
        for text in [escape("".join(letter for letter, _ in letters))]
    )
