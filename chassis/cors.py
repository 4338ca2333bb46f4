"""Which origins' pages may call a service from a browser: those of CORS_ORIGINS, none by default.

Browsers are never told to send credentials by themselves: who is calling, a token says.
"""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "X-Request-ID, traceparent, tracestate"
)
EXPOSED_HEADERS = (
    "Location, ETag, Retry-After, X-Request-ID, Idempotent-Replayed, RateLimit, RateLimit-Policy, "
    "Allow, WWW-Authenticate, traceparent"
)
# How long a browser need not ask again; Chromium keeps it no longer than that.
PREFLIGHT_SECONDS = 7200

# Caches keep an answer apart for each origin that asks.
VARY: Header = (b"vary", b"Origin")


class Cors:
    """The origins of one service, once its settings are known."""

    def __init__(self) -> None:
        self.origins = frozenset[bytes]()

    def allow(self, origins: Iterable[str]) -> None:
        self.origins = frozenset(origin.encode() for origin in origins)

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """What every answer to a request from there says."""
        if not self.origins:
            return ()
        if origin is None or origin not in self.origins:
            return (VARY,)
        return (
            VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        )

    def preflight(self, origin: bytes | None, methods: str) -> dict[str, str]:
        """What the answer to OPTIONS says beside that, on a path that has these methods."""
        if origin is None or origin not in self.origins:
            return {}
        return {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
