"""What spans are made of, with OpenTelemetry. Imported only where tracing is on.

server    a request: its route, never its path or query, which may hold anything
client    a call to a peer, once for each attempt
client    a statement: what it does to which table, never its values
internal  what a sweep does for one row, in the trace of the request that left the row behind
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from asyncpg.connection import LoggedQuery
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, TraceFlags
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .context import current, enter, traceparent_in
from .edge import ALWAYS_ADMITTED
from .metrics import UNMATCHED, known

# What is done, and the first table with its schema that it is done to.
TARGET = re.compile(
    r"\b(?:(UPDATE)|(INSERT) INTO|(DELETE) FROM|(SELECT)\b[^;]*?\b(?:FROM|JOIN))\s+(\w+\.\w+)"
)


def _nothing(_: int) -> None:
    """There is no span to tell."""


class Spans:
    """One service's tracer. The usual OTEL_… variables say how much is sampled, and so on."""

    def __init__(self, service: str, version: str, endpoint: str) -> None:
        resource = Resource.create({"service.name": service, "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        self._exports = BatchSpanProcessor(self._exporter)
        self._provider.add_span_processor(self._exports)
        self._tracer = self._provider.get_tracer("chassis", version)

    def close(self, seconds: float) -> None:
        """Send what is left, for so long; a collector that is away would be tried for longer."""
        last = threading.Thread(target=self._exports.force_flush, daemon=True)
        last.start()
        last.join(seconds)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry leaves it unannotated
        self._provider.shutdown()

    def serving(self, traceparent: str) -> Span:
        """Of a request that comes from there; empty where it comes from nowhere."""
        parent = _remote(traceparent) if traceparent else Context()
        return self._tracer.start_span("request", parent, SpanKind.SERVER)

    @contextmanager
    def calling(self, peer: str, method: str) -> Iterator[Callable[[int], None]]:
        if not trace.get_current_span().get_span_context().is_valid:
            yield _nothing  # a sweep looks around: nobody's trace
            return
        attributes = {"http.request.method": method, "server.address": peer}
        with self._inside(f"{method} {peer}", SpanKind.CLIENT, attributes) as span:

            def told(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    span.set_status(StatusCode.ERROR)

            yield told

    @contextmanager
    def resumed(self, sweep: str) -> Iterator[None]:
        parent = _remote(current().traceparent)
        with self._inside(f"sweep {sweep}", SpanKind.INTERNAL, {"sweep": sweep}, parent):
            yield

    @contextmanager
    def _inside(
        self, name: str, kind: SpanKind, attributes: dict[str, str], parent: Context | None = None
    ) -> Iterator[Span]:
        """A span whose block's own calls name it as where they come from."""
        span = self._tracer.start_span(name, parent, kind, attributes)
        before = current()
        enter(replace(before, traceparent=traceparent_of(span)))
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except BaseException as error:
            failed(span, error)
            raise
        finally:
            span.end()
            enter(before)

    def statement(self, query: LoggedQuery) -> None:
        """Called after it, in the context of who ran it. A BEGIN takes no time worth a span."""
        if query.query == "BEGIN":
            return
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return
        ended = time.time_ns()
        operation, table = summary(query.query)
        attributes = {"db.system.name": "postgresql"}
        if table:
            attributes["db.collection.name"] = table
        span = self._tracer.start_span(
            f"{operation} {table}".rstrip(),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=ended - int(query.elapsed * 1e9),
        )
        if query.exception is not None:
            failed(span, query.exception)
        span.end(ended)


@lru_cache(maxsize=512)
def summary(query: str) -> tuple[str, str]:
    """`("UPDATE", "payment.payments")`; the table is empty where a statement names none."""
    if found := TARGET.search(query):
        operation, table = filter(None, found.groups())
        return operation, table
    return query.split(maxsplit=1)[0].upper(), ""


def failed(span: Span, error: BaseException) -> None:
    """Its kind only: what an error says may quote a row."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(StatusCode.ERROR)


def traceparent_of(span: Span) -> str:
    own = span.get_span_context()
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"


def _remote(traceparent: str) -> Context:
    _, trace_id, span_id, flags = traceparent.split("-")
    parent = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


class Traced:
    """Makes the span of each request, and puts it in the place of the header that it came with."""

    def __init__(self, app: ASGIApp, spans: Spans) -> None:
        self.app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS_ADMITTED:
            await self.app(scope, receive, send)
            return
        sent = traceparent_in(dict(scope["headers"]).get(b"traceparent"))
        # A tracestate means something beside its traceparent only.
        ours = (b"traceparent",) if sent else (b"traceparent", b"tracestate")
        headers = [header for header in scope["headers"] if header[0] not in ours]
        span = self._spans.serving(sent)
        headers.append((b"traceparent", traceparent_of(span).encode()))
        scope = {**scope, "headers": headers}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _answered(span, message["status"])
            await send(message)

        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                await self.app(scope, receive, watched)
        finally:
            _name(span, scope)
            span.end()


def _answered(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def _name(span: Span, scope: Scope) -> None:
    route = getattr(scope.get("route"), "path", UNMATCHED)
    method = known(scope["method"])
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route})
