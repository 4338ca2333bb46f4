"""A service as a process that is forked from the supervisor, and that ends with it."""

import gc
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from . import ports, signals
from .account import Account

# Forked, ten services share what one parent has imported: 180 MB instead of 360, and a third of
# the time. macOS's own libraries do not survive a fork.
if sys.platform == "linux":
    CONTEXT = multiprocessing.get_context("fork")
else:
    CONTEXT = multiprocessing.get_context("spawn")

# What every service needs; its own modules are imported after the fork, by all at the same time.
SHARED_CODE = (
    "chassis.app",
    "chassis.server",
    "uvicorn.lifespan.on",
)

# The server drains for 8 s at most.
END_SECONDS = 9.5

BACKLOG = 2048
_listeners: list[socket.socket] = []


@dataclass(frozen=True)
class Plan:
    """How to run one service."""

    name: str
    module: str
    listener: socket.socket
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that outlives the process that serves it: while a service is started
    again, who connects waits for it, and is not refused.

    Raises Failure where another process has taken the port since the fleet began to start.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        _listeners.append(socket.create_server((host, port), family=family, backlog=BACKLOG))
    except OSError:
        ports.refuse_taken(host, [port])
        raise
    return _listeners[-1]


class Lifeline:
    """A pipe that only the supervisor holds open: its end is the end of every service."""

    def __init__(self) -> None:
        self.reader, self._writer = CONTEXT.Pipe(duplex=False)
        os.register_at_fork(after_in_child=self._writer.close)


def import_shared_code() -> None:
    """Import now what the services need, so that its memory stays shared with them."""
    gc.disable()  # nothing of it is ever garbage
    tracing = ("chassis.spans",) if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else ()
    for module in (*SHARED_CODE, *tracing):
        importlib.import_module(module)
    with suppress(ImportError):  # where there is none, asyncio's own loop does
        importlib.import_module("uvloop")
    gc.freeze()


def start(plan: Plan, lifeline: Lifeline) -> BaseProcess:
    process = CONTEXT.Process(
        target=_serve, args=(plan, lifeline.reader), name=plan.name, daemon=True
    )
    process.start()
    return process


def _serve(plan: Plan, lifeline: Connection) -> None:
    os.setsid()  # Ctrl-C is for the supervisor, which then stops the services in order
    _write_to(plan.log)
    if plan.account:
        plan.account.become()
    signals.restore()
    # The server drains when it gets this, and then raises it once more: all went well by then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for other in _listeners:  # a fork has them all
        if other is not plan.listener:
            other.close()
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    os.environ.update(plan.environment)
    gc.enable()
    server = importlib.import_module("chassis.server")
    server.serve(importlib.import_module(plan.module).app, [plan.listener])


def _write_to(log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # typed as TextIO


def _end_with(lifeline: Connection) -> None:
    """Drain when the supervisor is gone; a service that cannot is cut off."""
    lifeline.poll(None)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)  # what draining may take; then it is cut off
    os._exit(1)
