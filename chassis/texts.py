"""Brings texts into one form, so that texts which read the same are equal.

It is NFC and trimmed; control and format characters (Unicode's Cc and Cf: zero-width spaces, soft
hyphens, byte order marks, marks of direction) are taken out. Joiners stay where they shape a word
or an emoji.
"""

import re
import unicodedata
from collections.abc import Callable

# Longer texts are refused before anything else is done. Each field has a smaller limit of its own.
MOST_CHARACTERS = 40_000

# No word has more marks on one letter, and the time to sort them grows with their square. UAX #15
# allows a process to assume thirty at most.
MOST_MARKS = 100

VIRAMA = 9  # the combining class of the signs that a joiner may follow at a word's end


def _all(wanted: Callable[[str], object]) -> str:
    """The characters for which this is true, as the inside of a character class. Beyond these
    planes there are tags and variation selectors only."""
    return "".join(re.escape(chr(code)) for code in range(0x20000) if wanted(chr(code)))


_JOINERS = "\u200c\u200d"
_TAGS = "\U000e0020-\U000e007f"
_FORMAT = _all(lambda char: unicodedata.category(char) == "Cf" and char not in _JOINERS)
_MARKS = _all(unicodedata.combining)

_unstorable = re.compile(r"[\x00\ud800-\udfff]")
_line_break = re.compile(r"\r\n?")
_control = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_control_in_lines = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
# A flag of a region is a black flag with tags after it, and a last one that ends them.
_format = re.compile(f"(\U0001f3f4[{_TAGS}]+\U000e007f)|[{_FORMAT}{_TAGS}\U000e0001]+")
_joined = re.compile(f"[{_JOINERS}]+")
_piled = re.compile(f"[{_MARKS}]{{{MOST_MARKS + 1}}}")

# White space, and characters that are drawn as nothing: Unicode's default ignorable ones, and
# blanks that count as letters or symbols.
_nothing = re.compile(
    r"[\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]*"
)


def storable(text: str) -> str:
    """The text as it is. Raises ValueError for what PostgreSQL cannot store."""
    if _unstorable.search(text):
        raise ValueError("must not contain NUL or lone surrogates")
    return text


def one_form(text: str) -> str:
    """A text of one line, as it is kept. Line breaks in it go, as browsers take them out of a field
    of one line.

    Raises ValueError for what PostgreSQL cannot store, and where nothing visible is left.
    """
    return _formed(text, _control)


def in_lines(text: str) -> str:
    """A text of several lines, as it is kept: line breaks (as LF) and tabs stay. Raises as
    `one_form` does."""
    return _formed(_line_break.sub("\n", text), _control_in_lines)


def _formed(text: str, control: re.Pattern[str]) -> str:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"must not have more than {MOST_CHARACTERS} characters")
    text = control.sub("", storable(text))
    if not text.isascii():
        text = _composed(text)
    text = text.strip()
    if _nothing.fullmatch(text):
        raise ValueError("must not be empty or invisible")
    return text


def _composed(text: str) -> str:
    if _piled.search(text):
        raise ValueError(f"must not have more than {MOST_MARKS} marks on one letter")
    text = _format.sub(lambda found: found[1] or "", text)
    text = unicodedata.normalize("NFC", text)
    # Again: letters and marks may be neighbours now, where a joiner was between them.
    return unicodedata.normalize("NFC", _joined.sub(_joiner, text))


def _joiner(found: re.Match[str]) -> str:
    """One joiner where it is between letters or marks, or in an emoji; else none."""
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    joiner = found[0][0]
    if _in_word(before) and (_in_word(after) or unicodedata.combining(before) == VIRAMA):
        return joiner
    return joiner if joiner == "\u200d" and _in_emoji(before) and _in_emoji(after) else ""


def _in_word(char: str) -> bool:
    return char != "" and unicodedata.category(char)[0] in "LM"


def _in_emoji(char: str) -> bool:
    """Whether it may be beside a joiner in an emoji: a picture, or a modifier of one."""
    return (
        "\u2190" <= char <= "\u2bff"
        or "\U0001f000" <= char <= "\U0001faff"
        or char in ("\ufe0f", "\u20e3", "\U000e007f")
    )
