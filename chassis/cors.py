"""CORS: the origins in CORS_ORIGINS, none by default, may call a service from a browser.

Credentials are never allowed: browsers send none by themselves, and callers show a token.
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
# How long a browser may keep the answer to a preflight; Chromium keeps it no longer.
PREFLIGHT_SECONDS = 7200

# A cache must keep one answer per origin.
VARY: Header = (b"vary", b"Origin")


class Cors:
    """The allowed origins of one service; none until its settings are read."""

    def __init__(self) -> None:
        self.origins = frozenset[bytes]()

    def allow(self, origins: Iterable[str]) -> None:
        self.origins = frozenset(origin.encode() for origin in origins)

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """The CORS headers of every answer to a request of this origin."""
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
        """Further headers of the answer to OPTIONS, on a path that has these methods."""
        if origin is None or origin not in self.origins:
            return {}
        return {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
