"""E-mail addresses: how they are written, and when two are the same."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

import idna
from pydantic import AfterValidator, Field, WithJsonSchema

from chassis import Text

MOST_CHARACTERS = 254
MOST_LOCAL = 64

# Catches slips of the hand. Whether an address works, only a letter sent to it can tell.
_WORD = r"[^\s@.,;:()<>\[\]\\\"]+"
_local = re.compile(rf"{_WORD}(\.{_WORD})*")
# There is more than one label, and nothing ends with a dot.
_labels = re.compile(r"[^.]+(\.[^.]+)+")

WRONG = "must be an e-mail address such as ada@example.org"


def _email(text: str) -> str:
    """The address as it is kept: without invisible characters, joiners included, and in NFC."""
    if not text.isascii():
        text = "".join(each for each in text if unicodedata.category(each) != "Cf")
        text = unicodedata.normalize("NFC", text)
    local, _, domain = text.rpartition("@")
    if len(text) > MOST_CHARACTERS or len(local) > MOST_LOCAL or not _local.fullmatch(local):
        raise ValueError(WRONG)
    try:
        in_ascii = _ascii(domain)
    except idna.IDNAError:
        raise ValueError(WRONG) from None
    if not _labels.fullmatch(in_ascii):
        raise ValueError(WRONG)
    return text


@lru_cache(1024)  # most customers share a few domains
def _ascii(domain: str) -> str:
    """The domain in IDNA. Raises IDNAError where it is not valid."""
    return idna.encode(domain, uts46=True).decode("ascii")


def comparable(email: str) -> str:
    """The address with its domain in IDNA (UTS 46), as it is compared: `customer.email_key` folds
    the rest. A domain that is not valid, which an older version accepted, is escaped in ASCII."""
    local, at, domain = email.rpartition("@")
    try:
        return f"{local}{at}{_ascii(domain)}"
    except idna.IDNAError:
        return f"{local}{at}{domain.encode('ascii', 'backslashreplace').decode()}"


def is_own(email: str, proved: str | None) -> bool:
    """Whether a customer may have this address, by the verified one in their token. Where the token
    has none (None), they may have any."""
    return proved is None or _folded(email) == _folded(proved)


def _folded(email: str) -> str:
    return comparable(unicodedata.normalize("NFC", email)).lower()


# The length is checked first: the rest is for short text.
Email = Annotated[
    Text,
    Field(max_length=4 * MOST_CHARACTERS),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "minLength": 3, "examples": ["ada@example.org"]}),
]
