"""Prometheus metrics under their usual names; every label value comes from a bounded set."""

from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.responses import Response

from .verbs import METHODS

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Histogram(
    "http_server_request_duration_seconds",
    "How long requests took.",
    ("service", "method", "route", "status"),
    buckets=_BUCKETS,
)
IN_FLIGHT = Gauge("http_server_active_requests", "Requests being served.", ("service",))
REFUSED = Counter("http_server_refused_total", "Requests refused as overload.", ("service",))
CUT_OFF = Histogram(
    "http_server_connections_cut_off_seconds",
    "For how long clients who were cut off had kept us waiting.",
    ("why",),
    buckets=(4.5, 5.0, 5.5, 6.0, 10.0),
)
PEER_CALLS = Histogram(
    "http_client_request_duration_seconds",
    "How long calls to peers took.",
    ("peer", "method", "outcome"),
    buckets=_BUCKETS,
)
PROBLEMS = Counter("problems_total", "Problems that were answered, by their type.", ("type",))
SWEPT = Counter("sweep_items_total", "Unfinished work that a sweep took up.", ("sweep", "outcome"))
SWEEP_SUCCEEDED = Gauge(
    "sweep_last_success_timestamp_seconds", "When the sweep last went through.", ("sweep",)
)
SWEEP_INTERVAL = Gauge(
    "sweep_interval_seconds", "How often the sweep is to go through.", ("sweep",)
)
POOL = Gauge("db_client_connection_count", "Connections to PostgreSQL.", ("state",))
POOL_MAX = Gauge("db_client_connection_max", "Connections to PostgreSQL at most.")
POOL_PENDING = Gauge("db_client_connection_pending_requests", "Waiting for a connection now.")
POOL_WAIT = Histogram(
    "db_client_connection_wait_time_seconds",
    "How long whoever found no connection at hand waited for one.",
    buckets=_BUCKETS,
)


# The route of what was answered before one was looked up, or where there is none.
UNMATCHED = "unmatched"

# A look among label values that were met before; what they may be is bounded.
_of_request = cache(REQUESTS.labels)
_of_call = cache(PEER_CALLS.labels)
_of_problem = cache(PROBLEMS.labels)


def known(method: str) -> str:
    """A method as a label; `other` for one that clients made up."""
    return method if method in METHODS else "other"


def request_served(service: str, method: str, route: str, status: str, seconds: float) -> None:
    _of_request(service, method, route, status).observe(seconds)


def peer_called(peer: str, method: str, outcome: str, seconds: float) -> None:
    _of_call(peer, method, outcome).observe(seconds)


def problem_answered(slug: str, times: int = 1) -> None:
    _of_problem(slug).inc(times)


def sweeping(sweep: str, every: float) -> None:
    """A sweep begins. It counts as gone through, so that one that never is grows old too, and
    what it has not done yet is nothing: the first one is then seen as an increase."""
    SWEEP_INTERVAL.labels(sweep).set(every)
    SWEEP_SUCCEEDED.labels(sweep).set_to_current_time()
    for outcome in ("done", "failed"):
        SWEPT.labels(sweep, outcome)


def swept(sweep: str, outcome: str, items: int) -> None:
    SWEPT.labels(sweep, outcome).inc(items)


def page() -> Response:
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
