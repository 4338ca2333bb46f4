"""The outermost layer of a service: what every request passes before anything is parsed.

It gives the request its ids and its deadline, refuses what is too much, turns everything that
goes wrong into a problem document, and writes the one log line and the metrics.

Nothing is raised past it. An exception that reached the server would make it close the connection
without announcing that, under the client's next request.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import metrics
from .admission import Admission, Limits
from .answers import AnswerHeaders
from .context import TIMEOUT, RequestContext, current, enter, from_headers
from .hosts import LocalOnly
from .logs import log, requests
from .problems import DeadlineExceeded, InternalError, Overloaded, Problem, problem_response
from .refusals import Refusals

# Asked by supervisors and people in trouble: answered even when everything else is refused.
ALWAYS_ADMITTED = frozenset({"/livez", "/readyz", "/metrics"})

# A peer's request is part of one that was let in elsewhere.
TIMEOUT_HEADER = TIMEOUT.lower().encode()

# With less time than this left, nothing can be done that the caller would still see.
LEAST_SECONDS = 0.01

Headers = Iterable[tuple[bytes, bytes]]


class Edge:
    def __init__(
        self, app: ASGIApp, *, service: str, limits: Limits, answers: AnswerHeaders
    ) -> None:
        self.app = app
        self.service = service
        self.limits = limits
        self.answers = answers
        # With AUTH_MODE=dev; None otherwise.
        self._local_only: LocalOnly | None = None
        self._admission = Admission(limits)
        self._refusals = Refusals(service, answers)
        metrics.IN_FLIGHT.labels(service).set_function(lambda: self._admission.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if b"tracestate" in headers:  # may come as several headers
            pieces = [value for name, value in scope["headers"] if name == b"tracestate"]
            headers[b"tracestate"] = b",".join(pieces)
        enter(from_headers(headers, self.limits.request_timeout))
        exchange = Exchange(scope, send, self, headers.get(b"origin"))
        try:
            if self._local_only and (no := self._local_only.refusal(scope["method"], headers)):
                await exchange.refuse(no)
            else:
                await self._admit(exchange, receive)
        finally:
            exchange.report()

    def begin(self, local_only: LocalOnly | None) -> None:
        """A service that starts has no overload behind it, even where its process had one."""
        self._admission = Admission(self.limits)
        self._local_only = local_only

    def end(self) -> None:
        """What was refused last is told, too."""
        self._refusals.tell()

    def overloaded(self) -> bool:
        """Whether there is so much that some of it is to be turned away."""
        return self._admission.overloaded()

    def turn_away(self, method: str, path: str, headers: Headers, *, last: bool) -> bytes | None:
        """The answer to a request that is too much, but for its status line; None where it may
        come in. For the server, which makes nothing more of that request.

        `last`: the connection ends with it.
        """
        given = dict(headers)
        if TIMEOUT_HEADER in given or path in ALWAYS_ADMITTED or not self._admission.turns_away():
            return None
        return self._refusals.answer(method, path, given, last=last)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and stop. A start that was refused has said why, in a line a variable: the
        server is told that it failed, and not given a traceback to print."""

        async def tell(message: Message) -> None:
            refused = str(message.get("message", "")).rstrip().endswith("SystemExit: 2")
            await send({"type": message["type"], "message": ""} if refused else message)

        with suppress(SystemExit):
            await self.app(scope, receive, tell)

    async def _admit(self, exchange: "Exchange", receive: Receive) -> None:
        if exchange.path in ALWAYS_ADMITTED:
            await self._serve(exchange, receive)
            return
        context = current()
        if not context.outermost and not exchange.scope["app"].state.gate.knows_peer(context):
            # Who says that it is a peer, and does not show it, waits in line like anybody.
            context.outermost = True
        # Half of the time at most is spent in line: the other half is for the work.
        work = await self._admission.enter(
            outermost=context.outermost, patience=context.remaining() / 2
        )
        if work is None:
            self._refusals.count()
            await exchange.refuse(Overloaded())
            return
        context.pause = work.pause
        try:
            await self._serve(exchange, receive)
        finally:
            work.end()

    async def _serve(self, exchange: "Exchange", receive: Receive) -> None:
        if current().remaining() < LEAST_SECONDS:
            await exchange.refuse(DeadlineExceeded())
            return
        try:
            async with asyncio.timeout(current().remaining()):
                await self.app(exchange.scope, receive, exchange.send)
        except TimeoutError:
            await exchange.refuse(DeadlineExceeded())
        except Exception as error:
            # Starlette has answered 500 by now if it could, and raises for the log's sake.
            log.error("unhandled", exc_info=error, request_id=current().request_id)
            await exchange.refuse(InternalError())


class Exchange:
    """One request and its answer, watched on the way out."""

    def __init__(self, scope: Scope, send: Send, edge: Edge, origin: bytes | None) -> None:
        self.scope = scope
        self.path: str = scope["path"]
        self.status = 0
        self._send = send
        self._service = edge.service
        self._answers = edge.answers
        self._origin = origin
        self._context: RequestContext = current()
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = message.get("headers", ())
            headers = self._answers.beside(self.status, own, self._origin)
            message["headers"] = [*headers, *self._correlation()]
        await self._send(message)

    def _correlation(self) -> Iterable[tuple[bytes, bytes]]:
        yield b"x-request-id", self._context.request_id.encode()
        yield b"traceparent", self._context.traceparent.encode()

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, unless an answer is on its way already."""
        if self.status:
            return
        response = problem_response(problem, self.path)
        await response(self.scope, _nothing_more, self.send)

    def report(self) -> None:
        seconds = time.perf_counter() - self._started
        route = getattr(self.scope.get("route"), "path", metrics.UNMATCHED)
        method, status = metrics.known(self.scope["method"]), str(self.status)
        metrics.request_served(self._service, method, route, status, seconds)
        if self.path in ALWAYS_ADMITTED and self.status < 500:
            return
        requests.write(
            method=method,
            route=route,
            status=self.status,
            milliseconds=round(seconds * 1000, 2),
            request_id=self._context.request_id,
            trace_id=self._context.trace_id,
            span_id=self._context.span_id,
            caller=self._context.caller.subject,
            roles=self._context.caller.roles if self._context.caller.subject else "",
            refused=self._context.refused,
        )


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
