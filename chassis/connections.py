"""One client's connection: cut off when the client keeps us waiting, or speaks no HTTP.

    head     from the connection, or from its first byte, to the end of a request's head
    body     from there to its end, also where the answer is given already
    reading  an answer that the client does not take

Each of these may last for PATIENCE_SECONDS, and longer where enough moves. One look at all
connections, twice a second, costs less than a timer each; and nothing here is done for every
request that a request would notice.
"""

import asyncio
import resource
from collections.abc import Sized
from typing import Any, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from . import metrics
from .answers import as_bytes
from .context import RequestContext, current, enter
from .edge import Edge
from .heads import path_and_query, refusal_of, without_upgrade
from .problems import (
    MEDIA_TYPE,
    BadRequest,
    Overloaded,
    Problem,
    RequestHeaderFieldsTooLarge,
    RequestTimeout,
    document_bytes,
)

PATIENCE_SECONDS = 4.0
LOOK_SECONDS = 0.5

# That much has to move meanwhile, else nothing does.
LEAST_BYTES = 5 * 1024

MAX_HEAD_BYTES = 64 * 1024
MAX_PIPELINED = 100
# So much of a body is read after the answer was sent: a client that is cut off while it sends does
# not read the answer.
MAX_DRAINED_BYTES = 4 * 1024 * 1024

# A process may open so many files and sockets; what is left is for peers and PostgreSQL.
MOST_CONNECTIONS = 4096
RESERVED_FILES = 256


def most_connections() -> int:
    """How many clients at once; as many files may be opened from now on as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MOST_CONNECTIONS + RESERVED_FILES:
        wanted = MOST_CONNECTIONS + RESERVED_FILES
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    files = MOST_CONNECTIONS + RESERVED_FILES if soft == resource.RLIM_INFINITY else soft
    return max(64, min(MOST_CONNECTIONS, files - RESERVED_FILES))


class OneByOne(FlowControl):
    """Reads nothing more while requests that have been read wait for their turn: each answer would
    let a pageful of others in."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


# The next look at all connections of a server.
_due: WeakKeyDictionary[ServerState, asyncio.TimerHandle] = WeakKeyDictionary()


class ClientConnection(HttpToolsProtocol):
    """uvicorn's connection, with a lookout."""

    most = MOST_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        # Bytes of a head or of trailers: what came since the last head or piece of a body.
        self._head_bytes = 0
        self._heads = 0
        self._received = 0
        self._refusal: Problem | None = None
        # Of a request that was turned away: whether its body still comes.
        self._unwanted_body = False
        # Bytes of a body that came after its answer.
        self._drained = 0
        self._held: tuple[RequestResponseCycle, Any] | None = None
        # What this client keeps us waiting for, how far that had come, and when.
        self._owed = "head"
        self._moved = 0
        self._since = self.loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))  # of a stream, always
        self.flow = OneByOne(self.transport, self.pipeline)
        if len(self.connections) > self.most:
            self._refuse(Overloaded("Too many clients are connected; try again shortly."))
        self._look_out()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        self._received += len(data)
        self._unset_keepalive_if_required()
        while data:
            data = self._parse(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(RequestHeaderFieldsTooLarge())

    def _parse(self, data: bytes) -> bytes:
        """Parse the bytes. Returns those that are still to be parsed: where a request asks for
        another protocol, its head without the Upgrade header, and what followed the head."""
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("The request is not valid HTTP.")
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            data = without_upgrade(self.parser, self.url, self.headers) + rest
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return data
        return b""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._check_head()
        if self.parser.should_upgrade():
            return  # this head is parsed a second time, without its Upgrade header
        self._in_head = False
        self._heads += 1
        self._head_bytes = self._drained = 0
        self._unwanted_body = self._turn_away()
        if not self._unwanted_body:
            super().on_headers_complete()
            if self.expect_100_continue:
                # It may be answered before it is told to continue. Then nobody can tell whether its
                # body comes next, or another request.
                self.cycle.keep_alive = False
        # Trailers are not merged into the headers: nothing has checked them.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        if self._unwanted_body or self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > MAX_DRAINED_BYTES:
                self.transport.close()
        else:
            super().on_body(body)

    def _check_head(self) -> None:
        """Raises ValueError, which ends the parsing, for a head that is refused."""
        self._refusal = refusal_of(self.parser, self.headers)
        if self._head_bytes > MAX_HEAD_BYTES and self._size_of_head() > MAX_HEAD_BYTES:
            self._refusal = RequestHeaderFieldsTooLarge()
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = BadRequest("Too many requests wait on this connection.")
        elif not self.url.startswith(b"/"):
            self._take_target()
        if self._refusal:
            raise ValueError(self._refusal.detail)

    def _take_target(self) -> None:
        """Replace a target in absolute form by its path and query."""
        target = path_and_query(self.url)
        if target is None:
            self._refusal = BadRequest("The target must be a path, or a URL of http or https.")
        else:
            self.url = target

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or BadRequest(msg))

    def _refuse(self, problem: Problem) -> None:
        """Say why, unless the client waits for the answer to something else, and hang up."""
        enter(RequestContext())
        if self._nothing_else_asked():
            body = document_bytes(problem, "/")
            own = {
                "content-type": MEDIA_TYPE,
                "content-length": str(len(body)),
                "connection": "close",
                "x-request-id": current().request_id,
                **problem.headers(),
            }
            headers = [(name.lower().encode(), value.encode()) for name, value in own.items()]
            if self._edge:
                origin = dict(self.scope["headers"]).get(b"origin") if self.scope else None
                headers = self._edge.answers.beside(problem.status, headers, origin)
            head = as_bytes([*self.server_state.default_headers, *headers])
            self.transport.write(STATUS_LINE[problem.status] + head + b"\r\n" + body)
        self.transport.close()

    @property
    def _edge(self) -> Edge | None:
        edge: Edge | None = getattr(self.app, "edge", None)
        return edge

    def _nothing_else_asked(self) -> bool:
        if self.cycle is None or self.cycle.response_complete:
            return not self._unwanted_body
        # Of a request whose body is broken nobody has made anything; and nobody answers it now.
        self.cycle.disconnected = self.cycle.more_body and not self.cycle.response_started
        return self.cycle.disconnected and not self.pipeline

    # The next request of a client who does not take the answers to the last ones has to wait: it
    # would take the place of somebody who does.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.flow.write_paused:
            self._held = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _turn_away(self) -> bool:
        """Refuse a request that is too much, unless another one is before it. Returns whether."""
        edge = self._edge
        if edge is None or not edge.overloaded() or not self._is_idle():
            return False
        method, path = self.parser.get_method().decode(), unquote(parse_url(self.url).path.decode())
        if method == "HEAD":  # its answer has no body
            return False
        last = self.parser.get_http_version() == "1.0" or not self.parser.should_keep_alive()
        answer = edge.turn_away(method, path, self.headers, last=last)
        if answer is None:
            return False
        date = as_bytes(self.server_state.default_headers)
        self.transport.write(STATUS_LINE[Overloaded.status] + date + answer)
        if last:
            self.transport.close()
        self.on_response_complete()
        return True

    def _is_idle(self) -> bool:
        """Whether nothing that was asked before is left to answer, or to be taken."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self.flow.write_paused

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if self._unwanted_body:
            self._unwanted_body = False
            return
        super().on_message_complete()
        if self.cycle is not None:
            self.cycle.more_body = False  # also where it was answered before its end

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle.body.clear()  # the part of it that nobody read

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._held and not self.transport.is_closing():
            held, self._held = self._held, None
            super()._start_asgi_task(*held)

    def _look_out(self) -> None:
        """See to it that one look is due; none is while nobody is connected."""
        if self.server_state not in _due:
            _due[self.server_state] = self.loop.call_later(LOOK_SECONDS, self._look_at_all)

    def _look_at_all(self) -> None:
        del _due[self.server_state]
        now = self.loop.time()
        for connection in list(self.connections):
            if isinstance(connection, ClientConnection):
                connection.look(now)
        if self.connections:
            self._look_out()

    def look(self, now: float) -> None:
        """Hang up on a client who has kept us waiting for too long."""
        owed, moved = self._standing()
        least = 1 if owed == "head" else LEAST_BYTES
        if owed != self._owed or moved >= self._moved + least:
            self._owed, self._moved, self._since = owed, moved, now
        elif owed and now - self._since >= PATIENCE_SECONDS:
            metrics.CUT_OFF.labels(owed).observe(now - self._since)
            if owed == "body" and not self.transport.is_closing():
                self._refuse(RequestTimeout())
            else:
                self.transport.abort()

    def _standing(self) -> tuple[str, int]:
        """What the client keeps us waiting for, if anything, and how far that has come."""
        if unread := self.transport.get_write_buffer_size():
            return "reading", -unread
        if self._in_head:
            return "head", self._heads
        owed = self._unwanted_body or (self.cycle is not None and self.cycle.more_body)
        if owed and not self.flow.read_paused:
            return "body", self._received
        return "", 0
