"""What is too much, answered before anything else is made of it.

Under ten times the load that is most of what there is to do, so it is done in one write, and what
metrics and log are told comes in batches: code that has just run costs a third of code that has
not. The answer is the one that any other request refused as too much gets.
"""

import asyncio
from contextvars import copy_context

from pydantic_core import to_json

from . import metrics
from .answers import AnswerHeaders, as_bytes
from .context import correlation
from .logs import requests
from .problems import MEDIA_TYPE, Overloaded

TELL_SECONDS = 0.02

_PROBLEM = Overloaded()
_STATUS = str(_PROBLEM.status)
_OWN = ("instance", "request_id")  # of each answer; the members of the document that come last
_DOCUMENT = copy_context().run(_PROBLEM.document, "/")
_BODY = to_json({name: _DOCUMENT[name] for name in _DOCUMENT if name not in _OWN})[:-1]
_FIELDS = {"content-type": MEDIA_TYPE, **_PROBLEM.headers()}
_OWN_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _FIELDS.items()]
_CLOSE = b"connection: close\r\n"


class Refusals:
    """Those of one service."""

    def __init__(self, service: str, answers: AnswerHeaders) -> None:
        self._service = service
        self._answers = answers
        # Each one's method, request id and traceparent.
        self._untold: list[tuple[str, str, str]] = []
        # Nothing, from the start: the first one is then seen as an increase.
        self._refused = metrics.REFUSED.labels(service)

    def count(self) -> None:
        """One that is answered elsewhere."""
        self._refused.inc()

    def answer(self, method: str, path: str, headers: dict[bytes, bytes], *, last: bool) -> bytes:
        """All of it but the status line; the connection ends with the `last` one."""
        request_id, traceparent = correlation(headers)
        self._untold.append((method, request_id, traceparent))
        if len(self._untold) == 1:
            asyncio.get_running_loop().call_later(TELL_SECONDS, self.tell)
        own = b'%b,"instance":%b,"request_id":"%b"}' % (_BODY, to_json(path), request_id.encode())
        return b"%b%bcontent-length: %d\r\nx-request-id: %b\r\ntraceparent: %b\r\n\r\n%b" % (
            _CLOSE if last else b"",
            self._head(headers.get(b"origin")),
            len(own),
            request_id.encode(),
            traceparent.encode(),
            own,
        )

    def _head(self, origin: bytes | None) -> bytes:
        return as_bytes(self._answers.beside(_PROBLEM.status, _OWN_HEADERS, origin))

    def tell(self) -> None:
        """Tell metrics and log what they have not been told yet."""
        told, self._untold = self._untold, []
        self._refused.inc(len(told))
        metrics.problem_answered(_PROBLEM.slug, len(told))
        for method, request_id, traceparent in told:
            known = metrics.known(method)
            metrics.request_served(self._service, known, metrics.UNMATCHED, _STATUS, 0.0)
            requests.write(
                method=known,
                route=metrics.UNMATCHED,
                status=_PROBLEM.status,
                milliseconds=0.0,
                request_id=request_id,
                trace_id=traceparent[3:35],
                span_id=traceparent[36:52],
            )
