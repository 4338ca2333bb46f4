"""Names as HTML, with what answers a question in <em>."""

import re
from collections.abc import Iterable, Iterator
from html import escape

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

# The same in ASCII, which most names are: a third of the time.
ASCII_WORD = re.compile("[A-Za-z0-9](?:[A-Za-z0-9']|(?<=[0-9])[.,](?=[0-9]))*")

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
    found = [each for name in names for each in _words(name)]
    words = {each[0] for each in found if each.lastgroup != "letters"}
    letters = {pair for each in found if each.lastgroup == "letters" for pair in _letters(each[0])}
    any_of_it = re.sub("&|<[-0-9]+>", "|", query or "")
    rows = (
        await db.fetch(MATCHING, list(words), list(letters), any_of_it) if query and found else []
    )
    matching = {row["word"] for row in rows}
    return {name: _marked(name, matching) for name in names}


def _words(name: str) -> Iterator[re.Match[str]]:
    return (ASCII_WORD if name.isascii() else WORD).finditer(name)


def _letters(run: str) -> Iterator[str]:
    """Each letter, and each two neighbours."""
    yield from run
    for place in range(len(run) - 1):
        yield run[place : place + 2]


def _marked(name: str, matching: set[str]) -> str:
    parts, end = [], 0
    for start, stop in _joined(_spans(name, matching)):
        parts += [escape(name[end:start]), f"<em>{escape(name[start:stop])}</em>"]
        end = stop
    return "".join([*parts, escape(name[end:])])


def _spans(name: str, matching: set[str]) -> Iterator[tuple[int, int]]:
    for word in _words(name):
        if word.lastgroup != "letters":
            if word[0] in matching:
                yield word.span()
            continue
        for place in range(*word.span()):
            for stop in (place + 1, min(place + 2, word.end())):
                if name[place:stop] in matching:
                    yield place, stop


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch or overlap, as one."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined
