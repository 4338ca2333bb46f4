"""Where a purchase's time goes: by layer in the services, by statement in PostgreSQL.

    python -m bench.profile [--seconds S] [--callers N]

py-spy samples all ten services while purchases run, pg_stat_statements counts what PostgreSQL does.
Tracing other processes needs root, or a kernel that allows it.
"""

import argparse
import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import asyncpg

from fleet import console
from fleet.failure import Failure
from fleet.services import ROOT

from . import meter
from .catalogue import PRODUCTS
from .counts import forget, switch_counting
from .load import Generator, Run, generator
from .stand import DATABASES, FLEET, Stand, emptied, stand

DATA = ROOT / ".data"
PORT_BASE = 18300

RATE = 200
WARM_UP_SECONDS = 3.0

# The innermost frame that one of these is part of names the layer.
WAITING = ("epoll_pwait", "epoll_wait", "poll (", "select (")
LAYERS = {
    "system calls": ("write (", "send (", "sendmsg (", "read (", "recv (", "recvfrom ("),
    "asyncpg": ("asyncpg/", "protocol.c:", "pgproto.c:"),
    "aiohttp": ("aiohttp/", "yarl/", "_multidict.c", "_http_parser.c"),
    "httpx": ("httpx/", "httpx_aiohttp/"),
    "pydantic": ("pydantic/", "pydantic_core/"),
    "uvicorn, httptools": ("uvicorn/", "httptools/", "parser.c", "llhttp"),
    "starlette, fastapi": ("starlette/", "fastapi/"),
    "log lines, metrics": ("structlog/", "prometheus_client/", "chassis/logs", "chassis/metrics"),
    "chassis: edge, admission": (
        *("chassis/edge", "chassis/admission", "chassis/context", "chassis/connections"),
        *("chassis/heads", "chassis/hosts", "chassis/cors", "chassis/answers"),
    ),
    "chassis: plans": (
        *("chassis/plans", "chassis/dispatch", "chassis/strict", "chassis/app", "chassis/bodies"),
        *("chassis/media", "chassis/methods", "chassis/parameters", "chassis/preconditions"),
    ),
    "chassis: fields": ("chassis/fields", "chassis/texts", "chassis/addresses", "chassis/money"),
    "chassis: peers": ("chassis/peers",),
    "chassis: database": ("chassis/database",),
    "chassis: idempotency": ("chassis/idempotency",),
    "chassis: the rest": ("chassis/",),
    "the services' own": ("app/",),
    "json": ("json/", "_json.c"),
    "event loop": ("uvloop/", "loop.c:", "asyncio/", "_asynciomodule"),
}

TOP = """
SELECT regexp_replace(min(query), '\\s+', ' ', 'g') AS query, sum(calls)::float AS calls,
       sum(total_exec_time) * 1000 AS microseconds
  FROM pg_stat_statements JOIN pg_database ON dbid = pg_database.oid
 WHERE datname = $1
 GROUP BY queryid ORDER BY microseconds DESC LIMIT $2
"""


@dataclass(frozen=True)
class Profile:
    """Of one purchase, in microseconds: CPU of the services and of PostgreSQL, the services' by
    layer; and PostgreSQL's dearest statements with their calls and times."""

    purchases: int
    services: float
    postgres: float
    layers: dict[str, float]
    statements: list[tuple[str, float, float]]


def layer_of(frames: Sequence[str]) -> str | None:
    """The layer of a stack, outermost frame first. None for one that only waits."""
    if frames[-1].startswith(WAITING) or frames[-1] == "?":
        return None
    for frame in reversed(frames):
        for layer, marks in LAYERS.items():
            if any(mark in frame for mark in marks):
                return layer
    return "anything else"


def layers_of(lines: Iterable[str]) -> Counter[str]:
    """Samples by layer, from py-spy's lines: a stack, frames apart by `;`, and how often."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        if layer := layer_of(stack.split(";")):
            found[layer] += int(times)
    return found


def measured(test_stand: Stand, load: Generator, callers: int, seconds: float) -> Profile:
    load.run(Run("purchase", FLEET, callers, WARM_UP_SECONDS, 1))
    switch_counting(test_stand, on=True)
    forget(test_stand)
    pids = list(test_stand.fleet.pids().values())
    before: list[float] = []

    def begin() -> None:
        before.extend((meter.cpu_of(pids), meter.cpu_of_tree(test_stand.postgres)))

    with sampled(test_stand.fleet.folder, pids, seconds) as samples:
        result = load.run(Run("purchase", FLEET, callers, seconds + 2, 2), begin)
    after = meter.cpu_of(pids), meter.cpu_of_tree(test_stand.postgres)
    purchases = len(result.latencies)
    if not purchases or not samples:
        raise Failure(f"Nothing was measured: {dict(result.failed)}, {len(samples)} stacks.")
    services, postgres = ((b - a) * 1e6 / purchases for a, b in zip(before, after, strict=True))
    layers = layers_of(samples)
    share = services / layers.total()
    return Profile(
        purchases,
        services,
        postgres,
        {layer: times * share for layer, times in layers.most_common()},
        dearest(test_stand, purchases),
    )


@contextmanager
def sampled(folder: Path, pids: Sequence[int], seconds: float) -> Iterator[list[str]]:
    """Fills its list with the stacks of these processes while the block lasts, from a second in."""
    files = [folder / f"{pid}.stacks" for pid in pids]
    spies: list[subprocess.Popen[bytes]] = []

    def spy() -> None:
        for pid, file in zip(pids, files, strict=True):
            command = [str(Path(sys.executable).with_name("py-spy")), "record", "--native"]
            options = ["--format", "raw", "--rate", str(RATE), "--duration", str(int(seconds))]
            spies.append(
                subprocess.Popen(
                    [*command, *options, "--pid", str(pid), "--output", str(file)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    timer = Timer(1, spy)
    timer.start()
    stacks: list[str] = []
    try:
        yield stacks
    finally:
        timer.join()
        for each in spies:
            each.wait(seconds + 30)
    for file in files:
        if not file.exists():
            raise Failure("py-spy could not look into the services. Run this as root.")
        stacks.extend(file.read_text().splitlines())


def dearest(test_stand: Stand, purchases: int) -> list[tuple[str, float, float]]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(test_stand.dsn)
        try:
            return await connection.fetch(TOP, DATABASES[FLEET], 15)
        finally:
            await connection.close()

    rows = asyncio.run(ask())
    return [(row[0], row[1] / purchases, row[2] / purchases) for row in rows]


def told(profile: Profile) -> Iterator[str]:
    yield f"{profile.purchases} purchases; of each, µs of CPU:"
    yield f"  {profile.services:9.0f}  services (while they are sampled)"
    for layer, microseconds in profile.layers.items():
        yield f"  {microseconds:9.0f}    {layer}"
    yield f"  {profile.postgres:9.0f}  PostgreSQL"
    yield "Its dearest statements, times and µs a purchase:"
    for query, calls, microseconds in profile.statements:
        yield f"  {calls:5.1f} {microseconds:8.0f}  {query[:100]}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    options = parser.parse_args(arguments)
    try:
        with (
            emptied(DATA / "profile") as folder,
            stand(folder / "stand", options.port_base, PRODUCTS) as test_stand,
            generator(test_stand.world, {FLEET: test_stand.fleet.urls}) as load,
        ):
            profile = measured(test_stand, load, options.callers, options.seconds)
    except Failure as failure:
        console.complain(str(failure))
        return 1
    for line in told(profile):
        console.say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
