"""Telephone numbers: accepted as people paste them, kept in ASCII."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from chassis import Text

MOST_CHARACTERS = 40

_scheme = re.compile(r"^\s*tel[.:]*\s*(?=[+(0-9])", re.IGNORECASE)
# An extension at the end, in the ways people write it; RFC 3966 has `;ext=5`, telephones use commas
# for a pause.
_WORD = r"(?:extension|extn|ext|x|#|доб)\.?\s*[:=]?"
_extension = re.compile(
    rf"(?<=[0-9)])\s*\(?(?:[,;]+\s*(?:{_WORD})?|{_WORD})\s*([0-9]{{1,10}})\)?$", re.IGNORECASE
)
_number = re.compile(r"\(?\+?[0-9 ()./-]*[0-9][0-9 ()./-]*( x[0-9]+)?")

_DOTS = "\u00b7\u2022\u2024\u2027\u2219\u22c5\u30fb"
_MINUS = "\u2212"


def _plain(char: str) -> str:
    """ASCII for a digit, a dash, a dot or a space of any kind."""
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if char == _MINUS or unicodedata.category(char) == "Pd":
        return "-"
    return "." if char in _DOTS else char


def _phone(text: str) -> str:
    """In ASCII, with single spaces; an extension is ` x5` at the end."""
    # NFKC first: it turns full-width digits and no-break spaces into plain ones.
    text = "".join(map(_plain, unicodedata.normalize("NFKC", text)))
    text = " ".join(_scheme.sub("", text).split())
    kept = _extension.sub(r" x\1", text)
    if not _number.fullmatch(kept) or len(kept) > MOST_CHARACTERS:
        raise ValueError(
            f"must be a telephone number such as +44 20 7946 0018 x5, of {MOST_CHARACTERS}"
            " characters at most"
        )
    return kept


Phone = Annotated[
    Text,
    Field(max_length=4 * MOST_CHARACTERS),
    AfterValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 4 * MOST_CHARACTERS,
            "description": "Kept in ASCII digits, spaces, dashes, dots and brackets; `x5` at the"
            " end is an extension.",
            "examples": ["+44 20 7946 0018"],
        }
    ),
]
