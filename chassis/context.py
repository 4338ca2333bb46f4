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
TRACESTATE = "tracestate"
TIMEOUT = "X-Request-Timeout-Ms"

_request_id = re.compile(r"[A-Za-z0-9._-]{1,64}")
_traceparent = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Later versions begin with the same four fields (W3C Trace Context).
_later_traceparent = re.compile(
    r"(?!00|ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_tracestate_member = re.compile(
    r"([a-z0-9][a-z0-9_\-*/@]{0,255})="
    r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
MAX_TRACESTATE = 512
MAX_TRACESTATE_MEMBERS = 32


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
    sent, and `caller` who that is, once it has been checked; `refused` says why they were not let
    in. `entry` is their entry for the audit log, until it is written.
    """

    request_id: str = field(default_factory=mint_request_id)
    traceparent: str = field(default_factory=mint_traceparent)
    tracestate: str = ""
    deadline: float = field(default_factory=lambda: time.monotonic() + 5.0)
    outermost: bool = True
    pause: Callable[[], None] = _nothing
    authorization: bytes = b""
    caller: Caller = LOCAL
    refused: str = ""
    entry: Entry | None = None

    @property
    def trace_id(self) -> str:
        """The id of the trace, as 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The id of our span where traces are on, else the caller's or a minted one."""
        return self.traceparent[36:52]

    @property
    def trace(self) -> str:
        """The traceparent and, if there is one, the tracestate, to keep in a row: a sweep that
        finishes the row goes on in the same trace."""
        return f"{self.traceparent} {self.tracestate}" if self.tracestate else self.traceparent

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
    """The trace id in what a row keeps of its trace (see RequestContext.trace)."""
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
        tracestate=_tracestate_beside(traceparent, headers) if b"tracestate" in headers else "",
        deadline=time.monotonic() + budget,
        outermost=not from_peer,
        authorization=headers.get(b"authorization", b""),
    )


def correlation(headers: dict[bytes, bytes]) -> tuple[str, str]:
    """The request id and the traceparent, taken from a request's headers or minted."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    request_id = given if _request_id.fullmatch(given) else mint_request_id()
    return request_id, traceparent_in(headers.get(b"traceparent")) or mint_traceparent()


def traceparent_in(given: bytes | None) -> str:
    """A request's traceparent, in version 00; empty if it is missing or malformed."""
    if given is None:
        return ""
    text = given.decode("latin-1")
    if _traceparent.fullmatch(text):
        return text
    later = _later_traceparent.fullmatch(text)
    return f"00-{later[1]}-{int(later[2], 16) & 1:02x}" if later else ""


def _tracestate_beside(traceparent: str, headers: dict[bytes, bytes]) -> str:
    """The request's tracestate, if its traceparent was taken; without that it means nothing."""
    if traceparent_in(headers.get(b"traceparent")) != traceparent:
        return ""
    return tracestate_in(headers[b"tracestate"].decode("latin-1"))


def tracestate_in(given: str) -> str:
    """The members to pass on, from the left, as many as fit; empty if one of them is malformed."""
    members = [member for each in given.split(",") if (member := each.strip(" \t"))]
    found = [_tracestate_member.fullmatch(member) for member in members]
    keys = {each[1] for each in found if each}
    if len(keys) < len(members) or len(members) > MAX_TRACESTATE_MEMBERS:
        return ""
    while len(told := ",".join(members)) > MAX_TRACESTATE:
        members.pop()
    return told
