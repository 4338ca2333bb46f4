"""Tracking numbers: hard to guess, easy to read out, and a mistyped one is noticed."""

import secrets

# Crockford's base 32: no I, L, O or U to be mistaken for something else.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "SP"
LENGTH = 12


def mint() -> str:
    """A new number. Its 60 random bits make a second one alike a matter for the UNIQUE alone."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return PREFIX + body + check_character(body)


def check_character(body: str) -> str:
    """Luhn's, in base 32: a wrong character always shows, and so do two that changed places,
    unless these are 0 and Z."""
    total = 0
    for place, character in enumerate(reversed(body)):
        value = ALPHABET.index(character) * (2 - place % 2)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
