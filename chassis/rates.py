"""How often a caller may ask: a token bucket each, in this process. Off unless RATE_LIMIT is set.

The headers are those of the IETF's draft "RateLimit header fields for HTTP": RateLimit-Policy says
how many requests in how many seconds, RateLimit how many are left, and after how many seconds there
are more. Where none is left, that is the time in Retry-After.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import current
from .problems import Problem

# Whoever has not asked for longest is forgotten first; by then, most often, the bucket is full.
MOST_CALLERS = 100_000

# Where nobody shows a token, a peer is told from a client by its deadline, which anybody may
# send. So it has a bucket too, only a larger one.
PEERS_SHARE = 10

VERDICT = "rates.verdict"


class TooManyRequests(Problem, status=429, remembered=False):
    """This caller asks too often; try again when Retry-After has passed.

    Spread the requests out: RateLimit tells how many are left.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._seconds = seconds

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self._seconds)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many requests a caller has left, and in how many seconds there are more: the next one if
    none is left, else all of them."""

    allowed: bool
    left: int
    more_in: int


class Buckets:
    """`limit` requests at once, and then as many again in every `window` seconds."""

    def __init__(
        self, limit: int, window: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self.window = window
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, cost: float = 1.0) -> Verdict:
        now, rate = self._clock(), self.limit / self.window
        tokens, at = self._buckets.pop(caller, (float(self.limit), now))
        tokens = min(self.limit, tokens + (now - at) * rate)
        allowed = tokens >= cost
        tokens -= cost if allowed else 0
        self._buckets[caller] = (tokens, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        lacking = self.limit - tokens if tokens >= 1 else cost - tokens
        return Verdict(allowed, int(tokens), max(1, math.ceil(lacking / rate)))

    def headers(self, verdict: Verdict) -> list[tuple[bytes, bytes]]:
        policy = f'"caller";q={self.limit};w={math.ceil(self.window)}'
        left = f'"caller";r={verdict.left};t={verdict.more_in}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


def buckets_of(limit: int | None, window: float) -> Buckets | None:
    return None if limit is None else Buckets(limit, window)


class Rates:
    """The buckets of one service, once its settings are known; none while it limits nobody."""

    buckets: Buckets | None = None

    def take(self, scope: Scope) -> None:
        """Count this request, once its caller is known. Raises TooManyRequests."""
        if self.buckets is None or (who := caller(scope)) is None:
            return
        cost = 1 / PEERS_SHARE if who.startswith("peer ") else 1.0
        verdict = scope[VERDICT] = self.buckets.take(who, cost)
        if not verdict.allowed:
            raise TooManyRequests(verdict.more_in)


class RateHeaders:
    """Says in every answer what its caller has left."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        buckets = self._rates.buckets
        if buckets is None:
            await self.app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and VERDICT in scope:
                told = buckets.headers(scope[VERDICT])
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        await self.app(scope, receive, tell)


def caller(scope: Scope) -> str | None:
    """The person that a token names, else the address; None for a service with a token."""
    known = current().caller
    if known.is_service:
        return None
    # The staff have no customer's id. Behind a proxy, their addresses would all be the same.
    if who := known.owner or known.subject:
        return f"person {who}"
    place = network(scope["client"][0] if scope.get("client") else "")
    return f"address {place}" if current().outermost else f"peer {place}"


def network(address: str) -> str:
    """An IPv6 customer has 2^64 addresses of their own: these are one caller."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
