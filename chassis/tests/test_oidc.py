"""People's tokens, of a provider that publishes its keys, changes them, and is away at times."""

import json
import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from chassis.callers import Caller
from chassis.oidc import FRESH_SECONDS, PAUSE_SECONDS, FetchedKeys, People, is_private_or_https
from chassis.problems import DependencyUnavailable

ISSUER, AUDIENCE = "https://id.example/realms/shop", "shop"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
ADA = uuid4()

# One of each kind that is believed; made once, for RSA takes its time.
RSA = rsa.generate_private_key(65537, 2048)
SIGNERS: dict[str, Any] = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
PUBLISHING: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


class Provider:
    """Publishes the keys of these algorithms, under their names."""

    def __init__(self, *published: str) -> None:
        self.published = published
        self.issuer = ISSUER
        self.keys_at = "https://id.example/keys"
        self.asked: list[str] = []
        self.away = False
        self.extra: dict[str, Any] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.away:
            raise httpx.ConnectError("away")
        if str(request.url) == DISCOVERY:
            told = {"issuer": self.issuer, "jwks_uri": self.keys_at}
            return httpx.Response(200, json=told)
        return httpx.Response(200, json={"keys": list(map(jwk, self.published))} | self.extra)


def jwk(algorithm: str) -> dict[str, Any]:
    published = PUBLISHING[algorithm].to_jwk(SIGNERS[algorithm].public_key())
    return {**json.loads(published), "kid": algorithm, "use": "sig"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def people(provider: Provider, clock: Clock | None = None, **changes: Any) -> People:
    transport = httpx.MockTransport(provider)
    url = changes.pop("url", "https://id.example/keys")
    keys = FetchedKeys(ISSUER, url, transport, clock or Clock())
    claims = {"roles_claim": "roles", "id_claim": "sub", **changes}
    return People(ISSUER, AUDIENCE, keys, **claims)


def token(algorithm: str, typ: str | None = None, /, **changes: object) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(ADA), "iat": now, "exp": now + 60}
    claims |= {"roles": ["customer"], **changes}
    headers = {"kid": algorithm, **({"typ": typ} if typ else {})}
    return jwt.encode(claims, SIGNERS[algorithm], algorithm, headers=headers)


@pytest.mark.parametrize("algorithm", SIGNERS)
async def test_each_kind_of_key_is_believed(algorithm: str) -> None:
    caller, until = await people(Provider(algorithm)).caller_of(token(algorithm), algorithm)
    assert caller == Caller(frozenset({"customer"}), ADA, subject=str(ADA))
    assert until > time.time()


async def test_the_provider_is_discovered() -> None:
    provider = Provider("EdDSA")
    await people(provider, url=None).caller_of(token("EdDSA"), "EdDSA")
    assert provider.asked == [DISCOVERY, "https://id.example/keys"]
    provider.issuer = "https://elsewhere.example"
    with pytest.raises(DependencyUnavailable):
        await people(provider, url=None).caller_of(token("EdDSA"), "EdDSA")


@pytest.mark.parametrize(
    ("claims", "settings", "parts"),
    [
        ({"roles": "openid staff"}, {}, {"staff"}),
        ({"roles": ["STAFF", "root", 7]}, {}, set()),
        ({"roles": {"staff": True}}, {}, set()),
        ({"roles": None}, {}, set()),
        (
            {"realm_access": {"roles": ["admin"]}},
            {"roles_claim": "realm_access.roles"},
            {"admin"},
        ),
        ({"realm_access": "admin"}, {"roles_claim": "realm_access.roles"}, set()),
        (
            {"https://shop.example/roles": ["staff"]},
            {"roles_claim": "https://shop.example/roles"},
            {"staff"},
        ),
        ({"sub": "auth0|7"}, {}, set()),
        ({"sub": "auth0|7", "shop_id": str(ADA)}, {"id_claim": "shop_id"}, {"customer"}),
        ({"shop_id": 7}, {"id_claim": "shop_id"}, set()),
    ],
)
async def test_claims_are_read_where_the_settings_say(
    claims: dict[str, Any], settings: dict[str, Any], parts: set[str]
) -> None:
    found = people(Provider("EdDSA"), **settings)
    caller, _ = await found.caller_of(token("EdDSA", **claims), "EdDSA")
    assert caller.parts == parts
    assert caller.owner == (ADA if parts == {"customer"} else None)


async def test_keys_are_fetched_anew_when_one_is_missing_and_not_for_each_that_is_made_up() -> None:
    provider, clock = Provider("EdDSA"), Clock()
    found = people(provider, clock)
    await found.caller_of(token("EdDSA"), "EdDSA")
    provider.published = ("EdDSA", "ES256")
    for _ in range(20):
        with pytest.raises(jwt.InvalidKeyError):
            await found.caller_of(token("ES256"), "ES256")
    assert len(provider.asked) == 1
    clock.now = PAUSE_SECONDS + 1
    await found.caller_of(token("ES256"), "ES256")
    await found.caller_of(token("EdDSA"), "EdDSA")
    assert len(provider.asked) == 2


async def test_a_key_that_was_withdrawn_is_not_believed_for_long() -> None:
    provider, clock = Provider("EdDSA", "ES256"), Clock()
    found = people(provider, clock)
    await found.caller_of(token("EdDSA"), "EdDSA")
    provider.published = ("ES256",)
    clock.now = FRESH_SECONDS + 1
    with pytest.raises(jwt.InvalidKeyError):
        await found.caller_of(token("EdDSA"), "EdDSA")


async def test_a_provider_that_is_away_locks_nobody_out_whom_it_has_let_in() -> None:
    provider, clock = Provider("EdDSA"), Clock()
    found = people(provider, clock)
    provider.away = True
    with pytest.raises(DependencyUnavailable):
        await found.caller_of(token("EdDSA"), "EdDSA")
    provider.away, clock.now = False, PAUSE_SECONDS + 1
    await found.caller_of(token("EdDSA"), "EdDSA")
    provider.away, clock.now = True, clock.now + FRESH_SECONDS + 1
    await found.caller_of(token("EdDSA"), "EdDSA")


@pytest.mark.parametrize(
    "extra",
    [
        {"padding": "x" * 300_000},
        {"keys": "none"},
        {"keys": []},
        {"keys": [{"kty": "oct", "kid": "EdDSA", "k": "c2VjcmV0"}]},
        {"keys": [{**jwk("EdDSA"), "use": "enc"}]},
    ],
    ids=["too large", "no list", "none", "a secret", "for encryption"],
)
async def test_nonsense_is_not_believed(extra: dict[str, Any]) -> None:
    provider = Provider("EdDSA")
    provider.extra = extra
    with pytest.raises((DependencyUnavailable, jwt.InvalidKeyError, jwt.InvalidAlgorithmError)):
        await people(provider).caller_of(token("EdDSA"), "EdDSA")


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
async def test_what_anybody_could_sign_is_not_believed(algorithm: str) -> None:
    """A key that is published as a shared secret lets nobody sign with it."""
    provider = Provider()
    provider.extra = {"keys": [{"kty": "oct", "kid": "k", "k": "c2VjcmV0" * 8, "alg": "HS256"}]}
    secret = b"secret" * 8 if algorithm == "HS256" else ""
    claims = jwt.decode(token("EdDSA"), options={"verify_signature": False})
    forged = jwt.encode(claims, secret, algorithm, headers={"kid": "k"})
    with pytest.raises(jwt.PyJWTError):
        await people(provider).caller_of(forged, "k")


# As the providers write them, in the claims and in the head.
ACCESS: dict[str, tuple[dict[str, Any], str | None]] = {
    "Keycloak": ({"typ": "Bearer", "azp": "web", "acr": "1"}, "JWT"),
    "Keycloak formerly, with a nonce": ({"typ": "Bearer", "nonce": "n"}, "JWT"),
    "Auth0": ({"azp": "web", "scope": "openid", "gty": "password"}, "JWT"),
    "Auth0, by RFC 9068": ({"client_id": "web", "jti": "j"}, "at+jwt"),
    "Entra": ({"ver": "2.0", "azp": "web", "aio": "…", "uti": "…"}, "JWT"),
    "in full": ({"client_id": "web"}, "application/AT+JWT"),
}
OTHERS: dict[str, tuple[dict[str, Any], str | None]] = {
    "Keycloak's ID token": ({"typ": "ID", "azp": "web"}, "JWT"),
    "Keycloak's refresh token": ({"typ": "Refresh"}, "JWT"),
    "Keycloak's offline token": ({"typ": "Offline"}, "JWT"),
    "Keycloak's logout token": ({"typ": "Logout"}, "JWT"),
    "an ID token of the code flow": ({"nonce": "n"}, "JWT"),
    "an ID token beside an access token": ({"at_hash": "h"}, "JWT"),
    "a logout token": (
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        "JWT",
    ),
    "a logout token that says so": ({}, "logout+jwt"),
    "a proof of possession": ({}, "dpop+jwt"),
}


@pytest.mark.parametrize("whose", ACCESS)
async def test_an_access_token_is_believed(whose: str) -> None:
    claims, typ = ACCESS[whose]
    caller, _ = await people(Provider("EdDSA")).caller_of(token("EdDSA", typ, **claims), "EdDSA")
    assert caller.owner == ADA


@pytest.mark.parametrize("what", OTHERS)
async def test_what_is_no_access_token_is_not_believed(what: str) -> None:
    claims, typ = OTHERS[what]
    with pytest.raises(jwt.InvalidTokenError, match="no access token"):
        await people(Provider("EdDSA")).caller_of(token("EdDSA", typ, **claims), "EdDSA")


@pytest.mark.parametrize("subject", ["", "\0"])
async def test_a_token_names_somebody(subject: str) -> None:
    shown = token("EdDSA", sub=subject, roles=["admin"])
    with pytest.raises(jwt.InvalidTokenError, match="subject is empty"):
        await people(Provider("EdDSA")).caller_of(shown, "EdDSA")


async def test_what_lives_for_days_is_not_believed() -> None:
    found = people(Provider("EdDSA"))
    now = int(time.time())
    await found.caller_of(token("EdDSA", exp=now + 86_390), "EdDSA")
    with pytest.raises(jwt.InvalidTokenError, match="more than a day"):
        await found.caller_of(token("EdDSA", exp=now + 10 * 365 * 86_400), "EdDSA")


async def test_a_short_key_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNERS, "RS256", rsa.generate_private_key(65537, 1024))  # noqa: S505  # which is the point
    with pytest.raises((DependencyUnavailable, jwt.InvalidKeyError)):
        await people(Provider("RS256", "EdDSA")).caller_of(token("EdDSA"), "RS256")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://id.example/keys", True),
        ("http://id.example/keys", False),
        ("http://8.8.8.8/keys", False),
        ("http://keycloak:8080/keys", True),
        ("http://localhost:8080/keys", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://[::1]/keys", True),
        ("http://172.17.0.1:8080/keys", True),
        ("ftp://keycloak/keys", False),
        ("http://", False),
    ],
)
def test_keys_come_over_tls_or_a_private_network(url: str, fine: bool) -> None:
    assert is_private_or_https(url) is fine


async def test_a_discovery_page_does_not_lead_out_of_tls() -> None:
    provider = Provider("EdDSA")
    provider.keys_at = "http://id.example/keys"
    with pytest.raises(DependencyUnavailable):
        await people(provider, url=None).caller_of(token("EdDSA"), "EdDSA")
    assert provider.asked == [DISCOVERY]
