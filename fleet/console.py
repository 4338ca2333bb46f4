"""What the person at the terminal sees."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from .instance import Running
from .services import Service

BOLD, DIM, RED, GREEN, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m"


def say(line: str, style: str = "", end: str = "\n") -> None:
    """A line on standard output, which may be gone: a closed terminal must not stop a stop."""
    if style and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        line = f"{style}{line}{PLAIN}"
    with suppress(OSError):
        print(line, end=end, flush=True)


def complain(line: str) -> None:
    style, plain = (RED, PLAIN) if sys.stderr.isatty() else ("", "")
    with suppress(OSError):
        print(f"{style}{line}{plain}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line that says what is being done, and then how long it took."""
    began = time.monotonic()
    say(f"  {what:34}", end="")
    try:
        yield
    except BaseException:
        say("")
        raise
    say(f"{time.monotonic() - began:5.1f} s")


def record(log: Path, event: str) -> None:
    """Something happened to a running fleet: tell it, and keep it with its time."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    say(f"{moment} {event}")
    with suppress(OSError), log.open("a") as file:
        print(moment, event, file=file)


def overview(services: Sequence[Service], running: Running) -> None:
    """What runs where, and what to do with it."""
    at = f"http://{running.host}"
    rows = [("SERVICE", "URL", "DOCS", "DOES")]
    for service in services:
        url = f"{at}:{service.port(running.port_base)}"
        rows.append((service.folder, url, f"{url}/docs", service.job))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    say("")
    for row, style in zip(rows, (BOLD, *[""] * len(services)), strict=True):
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        say(f"  {'  '.join(cells)}".rstrip(), style)
    products = f"{at}:{running.port_base + 1}/products?limit=3"
    say(f"\n  Try    curl -s '{products}'")
    say("         make demo")
    say(f"  Logs   make logs, or {_short(running.data_dir)}/logs/")
    say("  Stop   Ctrl-C, or make down\n")


def _short(path: str) -> str:
    return os.path.relpath(path) if path.startswith(f"{Path.cwd()}/") else path
