"""People's tokens: OpenID Connect access tokens of one provider, and the keys it signs with."""

import asyncio
import json
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from httpx_aiohttp import AiohttpTransport

from .callers import ROLES, Caller, person
from .logs import log
from .problems import DependencyUnavailable
from .wires import FAILURES

# Asymmetric ones only: with none or HS256, whoever knows the public key could sign.
ALGORITHMS = ["RS256", "ES256", "EdDSA"]
REQUIRED = ["exp", "iss", "aud", "sub"]
LEEWAY_SECONDS = 30
# A token that lives longer is no access token, or one that nobody can revoke.
LONGEST_SECONDS = 24 * 3600
# NIST SP 800-57 part 1: fewer bits are not to be used after 2013.
LEAST_RSA_BITS = 2048

# The `typ` of an access token: JWT, or at+jwt (RFC 9068). A logout token has another.
ACCESS_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# The claim `typ` of Keycloak's tokens that are no access tokens.
OTHER_TYPES = frozenset({"id", "refresh", "offline", "logout"})
# Claims of ID tokens and logout tokens, never of access tokens. ID tokens have a nonce as well, but
# older versions of Keycloak put one into all tokens.
ID_CLAIMS = frozenset({"at_hash", "c_hash", "s_hash", "events"})

FETCH_SECONDS = 2.0
MAX_BYTES = 256 * 1024
# A key that the provider has withdrawn is believed for so long at most, while it can be asked.
FRESH_SECONDS = 300.0
# Whoever sends tokens with made-up key ids makes us ask the provider this often at most.
PAUSE_SECONDS = 30.0

PROVIDER = "identity-provider"

Key = jwt.PyJWK | Ed25519PublicKey


class Keys(Protocol):
    """What a provider signs with."""

    async def find(self, key_id: str | None) -> Key | None:
        """The public key of that id; None: there is none."""


class OneKey:
    """Of an issuer with a single key, which is known beforehand."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    async def find(self, _: str | None) -> Key | None:
        return self._key


class Published:
    """The key set that a provider publishes, at this URL or at the one on its discovery page."""

    def __init__(
        self, issuer: str, url: str | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._issuer = issuer
        self._url = url
        self._transport = transport

    async def read(self) -> dict[str, Any]:
        """The key set as it is published. Raises what `wires.FAILURES` lists, and ValueError."""
        transport = self._transport or AiohttpTransport(trust_env=False)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return await _read(client, self._url or await self._discover(client))

    async def _discover(self, client: httpx.AsyncClient) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        told = await _read(client, url)
        if told.get("issuer") != self._issuer:
            raise ValueError("another issuer's configuration")
        url = str(told["jwks_uri"])
        if not is_private_or_https(url):
            raise ValueError("the keys are at a URL that is neither https nor private")
        return url


class FetchedKeys:
    """A provider's published keys, kept, and fetched anew when they are old or one is missing."""

    def __init__(
        self,
        issuer: str,
        url: str | None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._published = Published(issuer, url, transport)
        self._clock = clock
        self._keys: dict[str | None, Key] = {}
        self._fetched = self._asked = -PAUSE_SECONDS - FRESH_SECONDS
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        """Raises DependencyUnavailable while the provider has never told its keys."""
        if key_id not in self._keys or self._clock() - self._fetched > FRESH_SECONDS:
            await self._refresh()
        if not self._keys:
            raise DependencyUnavailable(PROVIDER)
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        async with self._fetching:
            if self._clock() - self._asked < PAUSE_SECONDS:
                return
            self._asked = self._clock()
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    self._keys = await self._fetch()
            except (*FAILURES, ValueError, jwt.PyJWTError) as error:
                # What it told before still holds: people are not locked out by its outage.
                log.warning("identity provider did not tell its keys", why=type(error).__name__)
                return
            self._fetched = self._clock()

    async def _fetch(self) -> dict[str | None, Key]:
        published = jwt.PyJWKSet.from_dict(await self._published.read())
        return {key.key_id: key for key in published.keys if _of_use(key)}


def _of_use(key: jwt.PyJWK) -> bool:
    """Whether it is a key for signatures, and long enough."""
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS:
        log.warning("identity provider has a key that is too short", key_id=key.key_id)
        return False
    return key.public_key_use != "enc"


def is_https(url: str) -> bool:
    return urlsplit(url).scheme == "https"


def is_private_or_https(url: str) -> bool:
    """Whether nobody outside can change what is read there: over TLS, on this machine, or in a
    private network, where names have no dots (those of Compose, for example)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        return is_https(url) or (parts.scheme == "http" and ip_address(host).is_private)
    except ValueError:
        return parts.scheme == "http" and bool(host) and "." not in host


async def _read(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    raw = b""
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            raw += chunk
            if len(raw) > MAX_BYTES:
                raise ValueError("too large")
    told = json.loads(raw)
    if not isinstance(told, dict):
        raise ValueError("not an object")  # what a peer sent, not what we passed
    return told


class People:
    """The people whose tokens are believed, and what their claims mean.

    A claim may be named by a path: `realm_access.roles`.
    """

    def __init__(
        self, issuer: str, audience: str, keys: Keys, *, roles_claim: str, id_claim: str
    ) -> None:
        self.issuer = issuer
        self._audience = audience
        self._keys = keys
        self._roles_claim = roles_claim
        self._id_claim = id_claim

    async def caller_of(self, token: str, key_id: str | None) -> tuple[Caller, float]:
        """Who shows it, and until when it may be believed.

        Raises jwt.PyJWTError, and DependencyUnavailable while the provider's keys are not known.
        """
        check_type(jwt.get_unverified_header(token))
        key = await self._keys.find(key_id)
        if key is None:
            raise jwt.InvalidKeyError("It is signed with a key that its issuer does not have.")
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        _check_use(claims)
        if claims["exp"] > time.time() + LONGEST_SECONDS + LEEWAY_SECONDS:
            raise jwt.InvalidTokenError("It lives for more than a day.")
        return self._person(claims), float(claims["exp"] + LEEWAY_SECONDS)

    def _person(self, claims: dict[str, Any]) -> Caller:
        told = _claim(claims, self._roles_claim)
        names = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
        roles = frozenset(role for role in ROLES if role in names)
        # OpenID Connect has a subject of 255 characters at most.
        subject = claims["sub"].replace("\0", "")[:255]
        if not subject:
            # Nobody could be named in the audit log.
            raise jwt.InvalidTokenError("Its subject is empty.")
        themselves = _uuid(_claim(claims, self._id_claim))
        return person(roles, themselves, subject, _verified_email(claims))


def check_type(header: dict[str, Any]) -> None:
    """Raises jwt.InvalidTokenError for a header of another kind of token."""
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in ACCESS_TYPES:
        raise jwt.InvalidTokenError("It is no access token.")


def _check_use(claims: dict[str, Any]) -> None:
    """Raises jwt.InvalidTokenError for a provider's other tokens, such as ID tokens. These are for
    the client alone, and some clients write them into logs."""
    kind = str(claims.get("typ", "")).lower()
    asked_for_by_a_client = "nonce" in claims and kind != "bearer"
    if kind in OTHER_TYPES or ID_CLAIMS & claims.keys() or asked_for_by_a_client:
        raise jwt.InvalidTokenError("It is no access token.")


def _claim(claims: Any, path: str) -> Any:
    # A claim may be named like an address, dots and all.
    if path in claims:
        return claims[path]
    for name in path.split("."):
        claims = claims.get(name) if isinstance(claims, dict) else None
    return claims


def _verified_email(claims: dict[str, Any]) -> str | None:
    """None if the token has no address, empty if the address is not verified."""
    told = claims.get("email")
    if not isinstance(told, str):
        return None
    return told if claims.get("email_verified") in (True, "true") else ""


def _uuid(told: object) -> UUID | None:
    try:
        return UUID(told) if isinstance(told, str) else None
    except ValueError:
        return None
