"""Traces: off, with nothing of OpenTelemetry loaded, unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

These are the places where the rest of the chassis asks for a span. What a span holds stands in
spans.py, which is imported when tracing is switched on.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .context import current, enter

if TYPE_CHECKING:
    from .app import ServiceApp
    from .spans import Spans

# To send what is left when a service stops; the collector may be away.
FAREWELL_SECONDS = 1.0

_spans: "Spans | None" = None


def on() -> bool:
    return _spans is not None


def start(app: "ServiceApp", endpoint: str | None) -> None:
    """Trace this service from now on, if there is a collector to send its spans to."""
    global _spans
    if endpoint is None:
        return
    from . import spans

    _spans = spans.Spans(app.service, app.version, endpoint)
    # Outside the edge: what it refuses is seen as well.
    inner = app.middleware_stack or app.build_middleware_stack()
    app.middleware_stack = spans.Traced(inner, _spans)


async def stop(app: "ServiceApp") -> None:
    """Send what is left."""
    global _spans
    if _spans is None:
        return
    stopped, _spans = _spans, None
    app.middleware_stack = None
    await asyncio.to_thread(stopped.close, FAREWELL_SECONDS)


def _nothing(_: int) -> None:
    """Tracing is off."""


_OFF = nullcontext(_nothing)


def calling(peer: str, method: str) -> AbstractContextManager[Callable[[int], None]]:
    """Around a call to a peer, whose headers are made inside; is to be told the answer's status."""
    return _OFF if _spans is None else _spans.calling(peer, method)


@contextmanager
def resumed(sweep: str, trace: str | None) -> Iterator[None]:
    """Around what a sweep does for one row: it goes on in the trace that the row began in. `trace`
    is what RequestContext.trace was then.

    So do the logs of everybody who is called for it, whether or not there are spans.
    """
    before = current()
    traceparent, _, tracestate = (trace or before.trace).partition(" ")
    enter(replace(before, traceparent=traceparent, tracestate=tracestate))
    try:
        with _spans.resumed(sweep) if _spans else nullcontext():
            yield
    finally:
        enter(before)


async def watch(connection: Any) -> None:
    """Have each statement of a connection make a span."""
    if _spans is not None:
        connection.add_query_logger(_spans.statement)
