"""One JSON line a request; colours when a person is watching."""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from functools import cache, lru_cache, partial

import structlog
from structlog.typing import EventDict, Processor

from . import tracebacks

# A system call for each line costs more than the line. A process that is killed takes the lines
# of that long with it; those that warn are written at once.
LINGER_SECONDS = 0.02


class Lines:
    """Standard output, to which lines go together after they were gathered for a moment."""

    def __init__(self) -> None:
        self._gathered: list[str] = []

    def msg(self, line: str) -> None:
        self._gathered.append(line)
        if len(self._gathered) == 1:
            try:
                asyncio.get_running_loop().call_later(LINGER_SECONDS, self.flush)
            except RuntimeError:  # nothing runs that would come back to it
                self.flush()

    def warning(self, line: str) -> None:
        self.msg(line)
        self.flush()

    debug = info = msg
    error = critical = exception = warning

    def flush(self) -> None:
        if self._gathered:
            text = "\n".join(self._gathered) + "\n"
            self._gathered.clear()
            sys.stdout.write(text)
            sys.stdout.flush()


class Handler(logging.Handler):
    """Puts what the libraries log among our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        (lines.msg if record.levelno < logging.WARNING else lines.warning)(line)


lines = Lines()


def configure(service: str, level: str, style: str) -> None:
    """Send every log of this process, the libraries' too, to standard output in one shape.

    `style` is `json`, `console`, or `auto`: console on a terminal, JSON elsewhere.
    """
    console = style == "console" or (style == "auto" and sys.stdout.isatty())
    shared: list[Processor] = [
        partial(_of_service, service),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [
            structlog.processors.ExceptionRenderer(tracebacks.told),
            structlog.processors.JSONRenderer(_json),
        ]
    )
    # What it has bound to the configuration before, where there was one.
    vars(log).pop("bind", None)
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    wanted = logging.getLevelName(level.upper()) <= logging.INFO
    requests.service = service if wanted and not console else None
    _take_over_stdlib(level, shared, renderer)


def _of_service(service: str, _: object, __: str, event: EventDict) -> EventDict:
    return {"service": service, **event}


# json.dumps would make one for each line.
_encoder = json.JSONEncoder(default=repr)


def _json(event: EventDict, **_: object) -> str:
    return _encoder.encode(event)


def _take_over_stdlib(
    level: str,
    shared: list[Processor],
    renderer: list[Processor],
) -> None:
    handler = Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The edge writes the one line that a request gets.
    logging.getLogger("uvicorn.access").disabled = True


log: structlog.stdlib.BoundLogger = structlog.get_logger()


class RequestLines:
    """The line that each request gets, as `log.info("request", …)` would write it, for less than
    a third of what that costs: it was a tenth of the work of a small request."""

    def __init__(self) -> None:
        # Whose they are, where they are JSON and wanted.
        self.service: str | None = None

    def write(
        self,
        *,
        method: str,
        route: str,
        status: int,
        milliseconds: float,
        request_id: str,
        trace_id: str,
        span_id: str,
        caller: str = "",
        roles: str = "",
        refused: str = "",
    ) -> None:
        """Write one line. The ids come from a context, and need no escaping in JSON.

        `caller` is the subject of the token, `refused` why the caller was not let in. Both are left
        out where they are empty.
        """
        if self.service is None:
            log.info(
                "request",
                method=method,
                route=route,
                status=status,
                milliseconds=milliseconds,
                request_id=request_id,
                trace_id=trace_id,
                span_id=span_id,
                **_given(caller, roles, refused),
            )
            return
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        lines.msg(
            f'{_beginning(self.service, method, route, status)}, "milliseconds": {milliseconds}, '
            f'"request_id": "{request_id}", "trace_id": "{trace_id}", '
            f'"span_id": "{span_id}"{_by(caller, roles, refused)}, "event": "request", '
            f'"level": "info", "timestamp": "{now}"}}'
        )


@cache
def _beginning(service: str, method: str, route: str, status: int) -> str:
    """Of a line; there are as many as answers that a service's routes may give."""
    told = {"service": service, "method": method, "route": route, "status": status}
    return _encoder.encode(told).removesuffix("}")


def _given(caller: str, roles: str, refused: str) -> dict[str, str]:
    told = {"caller": caller, "roles": roles, "refused": refused}
    return {name: text for name, text in told.items() if text}


@lru_cache(1024)
def _by(caller: str, roles: str, refused: str) -> str:
    """The members of a line that are about the caller."""
    told = _given(caller, roles, refused)
    return f", {_encoder.encode(told)[1:-1]}" if told else ""


requests = RequestLines()
