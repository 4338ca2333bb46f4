"""Tokens of every kind, good ones and such as must not be believed."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hmac import digest
from json import dumps
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.auth import LOCAL_AUDIENCE, LOCAL_ISSUER, LOCAL_KEY
from chassis.callers import Role
from chassis.tokens import ALGORITHM, private_key

ADA = UUID("0190b6a8-7a63-7000-8000-00000000000a")
BOB = UUID("0190b6a8-7a63-7000-8000-00000000000b")

STRANGER = Ed25519PrivateKey.generate()


@dataclass(frozen=True)
class Tokens:
    """Of the local issuer, and of any service, whose private keys are in this folder."""

    keys: Path

    def person(self, *roles: Role, subject: object = ADA, **changes: object) -> str:
        claims = {"sub": str(subject), "roles": list(roles), **about(LOCAL_ISSUER, LOCAL_AUDIENCE)}
        return self._signed(LOCAL_KEY, claims | changes)

    def service(self, name: str, callee: str, **changes: object) -> str:
        return self._signed(name, about(name, callee) | changes)

    def _signed(self, name: str, claims: dict[str, Any]) -> str:
        claims = {name: claim for name, claim in claims.items() if claim is not None}
        return jwt.encode(claims, private_key(self.keys / f"{name}.key"), ALGORITHM)

    def not_believed(self, callee: str, caller: str) -> dict[str, str]:
        """An admin's token, and a service's, spoilt in every way, by what is wrong with it."""
        admin = {"sub": "eve", "roles": ["admin"], **about(LOCAL_ISSUER, LOCAL_AUDIENCE)}
        past, future = int(time.time()) - 3600, int(time.time()) + 3600
        public = (self.keys / f"{LOCAL_KEY}.pub").read_bytes()
        hmac = partial(digest, public, digest="sha256")
        genuine = self.person("admin")
        return {
            "forged": jwt.encode(admin, STRANGER, ALGORITHM),
            "expired": self.person("admin", iat=past - 60, exp=past),
            "not valid yet": self.person("admin", nbf=future),
            "without an end": self.person("admin", exp=None),
            "for another audience": self.person("admin", aud="elsewhere"),
            "of another issuer": self.person("admin", iss="https://issuer.example"),
            "of no issuer": self.person("admin", iss=None),
            "unsigned": by_hand("none", admin, lambda _: b""),
            "signed with the public key": by_hand("HS256", admin, hmac),
            "changed": ".".join([*genuine.split(".")[:2], genuine.split(".")[2][::-1]]),
            "no token": "mellon",
            "forged service": jwt.encode(about(caller, callee), STRANGER, ALGORITHM),
            "expired service": self.service(caller, callee, iat=past - 60, exp=past),
            "long-lived service": self.service(caller, callee, exp=future),
            "service for another callee": self.service(caller, "elsewhere"),
            "service in another's name": self._signed("search", about(caller, callee)),
        }


def about(issuer: str, audience: str) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": issuer, "aud": audience, "iat": now, "exp": now + 60}


def by_hand(algorithm: str, claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """As no library would sign."""
    parts = [dumps({"alg": algorithm, "typ": "JWT"}).encode(), dumps(claims).encode()]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (signed + b"." + urlsafe_b64encode(sign(signed)).rstrip(b"=")).decode()
