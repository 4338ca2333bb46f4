"""Tokens between services: signed by the caller, for one callee, for a minute.

The issuer is the caller's name, the audience the callee's. Each service has a key pair
(Ed25519, as PEM), and a callee has the public keys of its callers only:

    <KEYS_DIR>/cart.key         the service's own
    <KEYS_DIR>/order.pub        a caller's
    <KEYS_DIR>/order.next.pub   the caller's other key, old or new; may be missing
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from .callers import Caller, service

ALGORITHM = "EdDSA"

LIFE_SECONDS = 60
# A token is used again until so much of its life is left, which a request surely takes less than.
RESERVE_SECONDS = 15
# How much two machines' clocks may differ.
LEEWAY_SECONDS = 5

REQUIRED = ["exp", "iat", "iss", "aud"]


class Misconfigured(Exception):
    """A setting, or a key that it names, is missing or is not what it should be."""


def private_key(path: Path) -> Ed25519PrivateKey:
    """Raises Misconfigured."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"KEYS_DIR is wrong: {path} cannot be read ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured(f"KEYS_DIR is wrong: {path} is not an Ed25519 key")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Raises Misconfigured."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"KEYS_DIR is wrong: {path} cannot be read ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Misconfigured(f"KEYS_DIR is wrong: {path} is not an Ed25519 key")
    return key


def public_keys(folder: Path, name: str) -> tuple[Ed25519PublicKey, ...]:
    """The public keys of one caller. Raises Misconfigured."""
    following = folder / f"{name}.next.pub"
    others = [public_key(following)] if following.exists() else []
    return (public_key(folder / f"{name}.pub"), *others)


class Minter:
    """Makes the tokens that a service shows its peers, and uses each for most of its life."""

    def __init__(
        self, name: str, key: Ed25519PrivateKey, clock: Callable[[], float] = time.time
    ) -> None:
        self._name = name
        self._key = key
        self._clock = clock
        self._minted: dict[str, tuple[float, dict[str, str]]] = {}

    def headers_for(self, callee: str) -> dict[str, str]:
        until, headers = self._minted.get(callee, (0.0, {}))
        now = self._clock()
        if now < until:
            return headers
        headers = {"Authorization": f"Bearer {self.mint(callee, int(now))}"}
        self._minted[callee] = (now + LIFE_SECONDS - RESERVE_SECONDS, headers)
        return headers

    def mint(self, callee: str, now: int) -> str:
        claims = {"iss": self._name, "aud": callee, "iat": now, "exp": now + LIFE_SECONDS}
        return jwt.encode(claims, self._key, ALGORITHM)


class Callers:
    """The services whose tokens are believed here: those whose public keys we have."""

    def __init__(self, callee: str, keys: Mapping[str, Sequence[Ed25519PublicKey]]) -> None:
        self._callee = callee
        self._keys = keys

    def knows(self, issuer: object) -> bool:
        return isinstance(issuer, str) and issuer in self._keys

    def caller_of(self, token: str, issuer: str) -> tuple[Caller, float]:
        """Who shows it, and until when it may be believed. Raises jwt.PyJWTError."""
        *others, last = self._keys[issuer]
        for key in others:
            with suppress(jwt.InvalidSignatureError):
                return self._checked(token, issuer, key)
        return self._checked(token, issuer, last)

    def _checked(self, token: str, issuer: str, key: Ed25519PublicKey) -> tuple[Caller, float]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._callee,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        if claims["exp"] - claims["iat"] > LIFE_SECONDS:
            raise jwt.InvalidTokenError("It lives for longer than a service's token may.")
        return service(issuer), float(claims["exp"] + LEEWAY_SECONDS)
