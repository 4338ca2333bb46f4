"""Texts of the world's scripts, with the marks, joiners and invisible characters in them."""

import random
import unicodedata

# Letters of each, as code points from and to.
SCRIPTS: dict[str, tuple[int, int]] = {
    "Latin": (0x61, 0x7A),
    "Latin Extended": (0xC0, 0x17F),
    "Vietnamese": (0x1EA0, 0x1EF9),
    "Greek": (0x391, 0x3C9),
    "Cyrillic": (0x410, 0x44F),
    "Armenian": (0x561, 0x586),
    "Hebrew": (0x5D0, 0x5EA),
    "Arabic": (0x621, 0x64A),
    "Persian": (0x671, 0x6D3),
    "Devanagari": (0x905, 0x939),
    "Bengali": (0x985, 0x9B9),
    "Tamil": (0xB85, 0xBB9),
    "Thai": (0xE01, 0xE2E),
    "Tibetan": (0xF40, 0xF6C),
    "Myanmar": (0x1000, 0x1021),
    "Georgian": (0x10D0, 0x10F0),
    "Hangul": (0xAC00, 0xD7A3),
    "Ethiopic": (0x1200, 0x137F),
    "Khmer": (0x1780, 0x17B3),
    "Hiragana": (0x3041, 0x3096),
    "Katakana": (0x30A1, 0x30FA),
    "Han": (0x4E00, 0x9FFF),
    "Deseret": (0x10400, 0x1044F),
    "Emoji": (0x1F300, 0x1F64F),
}
MARKS = (0x301, 0x308, 0x323, 0x5B0, 0x64B, 0x670, 0x93C, 0x941, 0x94D, 0xE34, 0xE48, 0x3099)
INVISIBLE = (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x202A, 0x202C, 0x2060, 0x2066, 0xFE0F, 0xFEFF)
SPACES = (0x20, 0x09, 0x0A, 0xA0, 0x2003, 0x2009, 0x202F, 0x3000)


def text(chance: random.Random) -> str:
    """Some words of one script or two, composed or not."""
    words = [_word(chance) for _ in range(chance.randrange(1, 4))]
    said = chr(chance.choice(SPACES)).join(words)
    return unicodedata.normalize(chance.choice(("NFC", "NFD")), said)


def _word(chance: random.Random) -> str:
    first, last = chance.choice(list(SCRIPTS.values()))
    letters = []
    for _ in range(chance.randrange(1, 9)):
        letters.append(chr(chance.randint(first, last)))
        if chance.random() < 0.2:
            letters.append(chr(chance.choice(MARKS)))
        if chance.random() < 0.1:
            letters.append(chr(chance.choice(INVISIBLE)))
    return "".join(letters)
