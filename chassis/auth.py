"""Who gets in: the check that every route makes before it reads anything of the request.

dev      a call without a token is a local admin's; a token that is shown is checked in full
enforce  no token, no entry
"""

import os
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from typing import NoReturn

import httpx
import jwt
from starlette.types import Scope

from .callers import SERVICE, Caller
from .context import RequestContext, current
from .logs import log
from .oidc import FetchedKeys, OneKey, People, check_type, is_https, is_private_or_https
from .peers import Credentials, no_credentials
from .problems import Problem
from .settings import Settings
from .tokens import Callers, Minter, Misconfigured, private_key, public_key, public_keys

# An access token with many groups in it has some thousand.
MAX_TOKEN_BYTES = 8192

# A token is checked once, then known until it ends, or for so long: by then its key may be gone.
KNOWN_SECONDS = 300.0
MAX_KNOWN = 4096

# What `make token` signs with. Never believed in production.
LOCAL_ISSUER = "urn:shop:local"
LOCAL_AUDIENCE = "shop"
LOCAL_KEY = "people"

PRODUCTION = "production"

CHALLENGE = "WWW-Authenticate"


class Unauthenticated(Problem, status=401, remembered=False):
    """This call needs a valid token.

    Send one in the header Authorization, as a Bearer token.
    """

    def headers(self) -> dict[str, str]:
        return {CHALLENGE: "Bearer"}


class InvalidToken(Problem, status=401, remembered=False):
    """The token is not one that is believed here.

    Get a new token of the issuer that this service knows, for its audience.
    """

    def headers(self) -> dict[str, str]:
        return {CHALLENGE: 'Bearer error="invalid_token"'}


class NotAdmitted(Problem, status=403, remembered=False):
    """This is not for this caller to do.

    Use a token with one of the roles that the operation names.
    """

    def headers(self) -> dict[str, str]:
        return {CHALLENGE: 'Bearer error="insufficient_scope"'}


def only_from(service: str) -> None:
    """Admit only the service that the request names, on a route that admits several services.
    Raises NotAdmitted."""
    caller = current().caller
    if caller.is_service and caller.parts != {f"{SERVICE}{service}"}:
        raise NotAdmitted()


_WHY: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is for another audience.",
}


def _for_whom(admitted: frozenset[str]) -> str:
    roles = sorted(part for part in admitted if not part.startswith(SERVICE))
    return f"This is for {', '.join(roles) or 'other services'} only."


class Gate:
    """Knows the callers of one service by their tokens."""

    def __init__(
        self,
        *,
        enforced: bool,
        services: Callers,
        people: People | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._enforced = enforced
        self._services = services
        self._people = people
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float]] = {}

    async def admit(self, admitted: frozenset[str]) -> None:
        """Raises Unauthenticated, InvalidToken, NotAdmitted, and DependencyUnavailable while
        the keys of people's tokens cannot be had."""
        context = current()
        try:
            await self._admit(context, admitted)
        except (Unauthenticated, InvalidToken, NotAdmitted) as error:
            context.refused = str(error)
            raise

    async def _admit(self, context: RequestContext, admitted: frozenset[str]) -> None:
        if context.authorization:
            context.caller = await self._caller_of(context.authorization)
            if context.caller.parts.isdisjoint(admitted):
                raise NotAdmitted(_for_whom(admitted))
        elif self._enforced:
            raise Unauthenticated()

    def knows_peer(self, context: RequestContext) -> bool:
        """Whether this is a service whose token was checked before; where nobody has to show
        one, whoever says so."""
        if not self._enforced:
            return True
        known = self._known.get(_token_in(context.authorization))
        return known is not None and known[0].is_service and self._clock() < known[1]

    async def believes(self, scope: Scope) -> bool:
        """Whether a request, by its headers, has a valid token, or needs none."""
        if not self._enforced:
            return True
        try:
            await self._caller_of(dict(scope["headers"]).get(b"authorization", b""))
        except Problem:
            return False  # its route tells the caller why
        return True

    async def _caller_of(self, authorization: bytes) -> Caller:
        now, token = self._clock(), _token_in(authorization)
        caller, until = self._known.get(token, (None, 0.0))
        if caller is None or now >= until:
            caller, until = await self._checked(token)
            self._remember(token, caller, min(until, now + KNOWN_SECONDS))
        return caller

    def _remember(self, token: bytes, caller: Caller, until: float) -> None:
        self._known.pop(token, None)
        if len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[token] = (caller, until)

    async def _checked(self, token: bytes) -> tuple[Caller, float]:
        if not 0 < len(token) <= MAX_TOKEN_BYTES:
            raise InvalidToken("What is needed is a bearer token of at most 8 KiB.")
        try:
            return await self._read(_only_spelling(token))
        except jwt.PyJWTError as error:
            raise InvalidToken(_WHY.get(type(error))) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            # What the library does not foresee of what anybody may send.
            raise InvalidToken() from None

    async def _read(self, token: str) -> tuple[Caller, float]:
        """Whose it claims to be decides how it is checked."""
        shown = jwt.decode_complete(token, options={"verify_signature": False})
        issuer = shown["payload"].get("iss")
        if self._services.knows(issuer):
            check_type(shown["header"])
            return self._services.caller_of(token, issuer)
        if self._people is None or issuer != self._people.issuer:
            raise InvalidToken("The token is of an issuer that is not known here.")
        return await self._people.caller_of(token, shown["header"].get("kid"))


def _token_in(authorization: bytes) -> bytes:
    """The token of a Bearer header, whatever the case of the scheme; empty for another scheme."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _only_spelling(token: bytes) -> str:
    """The token as text. Raises ValueError unless its signature is in the canonical base64
    spelling.

    A base64 decoder skips other characters, and the bits after the last byte. So one token could be
    written in very many ways, and fill the cache of known tokens.
    """
    signature = token.rpartition(b".")[2]
    plain = urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    if urlsafe_b64encode(plain).rstrip(b"=") != signature:
        raise ValueError("a signature in another spelling")
    return token.decode("ascii")


def gate(
    service: str,
    settings: Settings,
    admitted: Iterable[str],
    transport: httpx.AsyncBaseTransport | None = None,
) -> Gate:
    """The gate that the settings ask for, before routes that admit these callers between them.

    Ends the process, with a line that says why, where it would be open to strangers, or to nobody.
    """
    enforced = settings.auth_mode == "enforce"
    if not enforced:
        _refuse_exposed(service, settings)
    try:
        services = _services(service, settings, admitted)
        people = _people(settings, transport)
    except Misconfigured as error:
        refuse(service, str(error))
    if enforced and people is None:
        refuse(service, "OIDC_ISSUER is not set, and AUTH_MODE=enforce would let nobody in")
    return Gate(enforced=enforced, services=services, people=people)


def _services(service: str, settings: Settings, admitted: Iterable[str]) -> Callers:
    names = {part.removeprefix(SERVICE) for part in admitted if part.startswith(SERVICE)}
    if settings.keys_dir is None:
        if names and settings.auth_mode == "enforce":
            raise Misconfigured("KEYS_DIR is not set, and AUTH_MODE=enforce needs it")
        return Callers(service, {})
    return Callers(service, {name: public_keys(settings.keys_dir, name) for name in names})


def _people(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> People | None:
    if settings.oidc_issuer:
        return _provider(settings.oidc_issuer, settings, transport)
    if settings.keys_dir is None or settings.environment == PRODUCTION:
        return None
    key = settings.keys_dir / f"{LOCAL_KEY}.pub"
    if not key.exists():
        return None
    keys = OneKey(public_key(key))
    return People(LOCAL_ISSUER, LOCAL_AUDIENCE, keys, roles_claim="roles", id_claim="sub")


def _provider(
    issuer: str, settings: Settings, transport: httpx.AsyncBaseTransport | None
) -> People:
    if settings.oidc_audience is None:
        raise Misconfigured("OIDC_AUDIENCE is not set, and OIDC_ISSUER needs it")
    # Over plain http, anybody on the way could send keys of their own.
    if settings.environment == PRODUCTION and not is_https(issuer):
        raise Misconfigured("OIDC_ISSUER is not https, which ENVIRONMENT=production needs")
    for name, url in (("OIDC_ISSUER", issuer), ("OIDC_JWKS_URL", settings.oidc_jwks_url)):
        if url is not None and not is_private_or_https(url):
            raise Misconfigured(f"{name} is wrong: outside a private network it has to be https")
    return People(
        issuer,
        settings.oidc_audience,
        FetchedKeys(issuer, settings.oidc_jwks_url, transport),
        roles_claim=settings.oidc_roles_claim,
        id_claim=settings.oidc_customer_claim,
    )


def credentials(service: str, settings: Settings, peers: Collection[str]) -> Credentials:
    """How this service makes itself known to its peers; not at all while nobody asks."""
    if settings.auth_mode != "enforce" or not peers:
        return no_credentials
    if settings.keys_dir is None:
        refuse(service, "KEYS_DIR is not set, and AUTH_MODE=enforce needs it")
    try:
        return Minter(service, private_key(settings.keys_dir / f"{service}.key")).headers_for
    except Misconfigured as error:
        refuse(service, str(error))


def _refuse_exposed(service: str, settings: Settings) -> None:
    """Without authentication, everybody who can reach a service may do everything."""
    if settings.environment == PRODUCTION:
        refuse(service, "AUTH_MODE is dev, which ENVIRONMENT=production does not allow")
    address = settings.bind_address or _told_to_listen_on(sys.argv) or "127.0.0.1"
    if not is_loopback(address):
        refuse(service, f"AUTH_MODE is dev, and others could call {address}: set AUTH_MODE=enforce")
    log.warning("AUTHENTICATION IS OFF: whoever calls without a token is a local admin")


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _told_to_listen_on(arguments: list[str]) -> str | None:
    """`--host` of uvicorn's command line, for a service that runs alone, or its variable."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == "--host":
            return following
        if argument.startswith("--host="):
            return argument.removeprefix("--host=")
    return os.environ.get("UVICORN_HOST")


def refuse(service: str, why: str) -> NoReturn:
    print(f"{service}: {why}. See the configuration table.", file=sys.stderr)
    raise SystemExit(2)
