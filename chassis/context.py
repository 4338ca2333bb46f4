"""What travels with a request: its ids, its deadline, and whether a client or a peer sent it."""

import random
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from .audit_log import Entry
from .callers import LOCAL, Caller

REQUEST_ID = "X-Request-ID"
TRACEPARENT = "traceparent"
TIMEOUT = "X-Request-Timeout-Ms"

_request_id = re.compile(r"[A-Za-z0-9._-]{1,64}")
_traceparent = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


# These ids have to differ, and keep no secret: the system need not be asked for each of them. A
# forked process gets a seed of its own.


def mint_request_id() -> str:
    return f"{random.getrandbits(128):032x}"


def mint_traceparent() -> str:
    minted = f"{random.getrandbits(192):048x}"
    return f"00-{minted[:32]}-{minted[32:]}-00"


def _nothing() -> None:
    """Sweeps hold up nobody."""


@dataclass(slots=True)
class RequestContext:
    """One request's, or one sweep's, correlation and time budget.

    `deadline` is on the monotonic clock, in seconds. `outermost` is true where no peer of ours
    stands between the client and us: only there is a failed call to a peer tried again.
    `pause` lets another request work while this one waits. `authorization` is what the caller
    showed, and `caller` who that is, once it has been checked; `refused` says why they were not
    let in. `entry` is what the audit log is to hold of what they do, until it does.
    """

    request_id: str = field(default_factory=mint_request_id)
    traceparent: str = field(default_factory=mint_traceparent)
    deadline: float = field(default_factory=lambda: time.monotonic() + 5.0)
    outermost: bool = True
    pause: Callable[[], None] = _nothing
    authorization: bytes = b""
    caller: Caller = LOCAL
    refused: str = ""
    entry: Entry | None = None

    @property
    def trace_id(self) -> str:
        """The trace that this is a part of, as 32 hexadecimal digits."""
        return self.traceparent[3:35]

    def remaining(self) -> float:
        """Seconds left until the deadline; negative when it has passed."""
        return self.deadline - time.monotonic()


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext:
    context = _current.get()
    if context is None:
        context = RequestContext()
        _current.set(context)
    return context


def trace_of(traceparent: str | None) -> str | None:
    """The id of the trace that a row began in, by the traceparent that is kept with it."""
    return traceparent and traceparent[3:35]


def enter(context: RequestContext) -> None:
    _current.set(context)


def owner() -> UUID | None:
    """Whose things alone the caller may see and touch; None: anybody's."""
    return current().caller.owner


def may_touch(theirs: UUID | None) -> bool:
    """Whether the caller may see and touch what is this one's."""
    return owner() in (None, theirs)


def from_headers(headers: dict[bytes, bytes], budget_seconds: float) -> RequestContext:
    """The context that a request's headers ask for; what is missing or malformed is minted.

    A peer's remaining milliseconds shorten the budget, never lengthen it.
    """
    request_id, traceparent = correlation(headers)
    left = headers.get(b"x-request-timeout-ms", b"")[:9]
    from_peer = left.isdigit() and int(left) > 0
    budget = min(budget_seconds, int(left) / 1000) if from_peer else budget_seconds
    return RequestContext(
        request_id=request_id,
        traceparent=traceparent,
        deadline=time.monotonic() + budget,
        outermost=not from_peer,
        authorization=headers.get(b"authorization", b""),
    )


def correlation(headers: dict[bytes, bytes]) -> tuple[str, str]:
    """The request id and the traceparent, taken from a request's headers or minted."""
    request_id = _taken(headers.get(b"x-request-id"), _request_id)
    traceparent = _taken(headers.get(b"traceparent"), _traceparent)
    return request_id or mint_request_id(), traceparent or mint_traceparent()


def _taken(given: bytes | None, pattern: re.Pattern[str]) -> str | None:
    if given is None:
        return None
    text = given.decode("latin-1")
    return text if pattern.fullmatch(text) else None
