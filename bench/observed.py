"""What it costs to be watched: purchases with traces off and on, and with the metrics read.

`python -m bench.observed` starts two fleets, one of which sends its traces to a collector that
throws them away. Each round buys from both, and from the first once more while its metrics are
read every second; the ratios are those within a round, so that they hold on a busy machine.
"""

import argparse
import asyncio
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from fleet import console
from fleet.postgres import Postgres
from fleet.services import SERVICES
from fleet.up import DATABASE
from tests.fleets import data_folder

from . import catalogue, meter
from .counts import page
from .load import Generator, Run, generator
from .stand import APART, Running, running

OPERATION = "purchase"
PRODUCTS = 1000
CALLERS = 8
SCRAPE_SECONDS = 1.0
PLAIN, READ, TRACED = "unwatched", "metrics read", "traced"
HEAD = f"{'':14} {'purchases/s':>12} {'ratio':>6} {'CPU, ms':>9} {'ratio':>6} {'PostgreSQL':>11}"


@dataclass(frozen=True)
class Side:
    """One fleet under load."""

    fleet: Running
    load: Generator


@dataclass(frozen=True)
class Cost:
    """Of one run: purchases a second, and milliseconds of CPU a purchase."""

    per_second: float
    services_ms: float
    postgres_ms: float


class Void(BaseHTTPRequestHandler):
    """Takes spans, and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def forget_spans(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), Void).serve_forever()


@contextmanager
def collector(port: int) -> Iterator[str]:
    """In a process of its own: what it costs is not the fleet's."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=forget_spans, args=(port,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


@contextmanager
def side(folder: Path, base: int, **environment: str) -> Iterator[Side]:
    with running("fleet", folder, base, SERVICES, **environment) as fleet:
        world = asyncio.run(catalogue.fill(Postgres(folder).dsn(DATABASE), PRODUCTS))
        with generator(world, {PLAIN: fleet.urls}) as load:
            yield Side(fleet, load)


@contextmanager
def being_read(fleet: Running) -> Iterator[None]:
    """While somebody reads every service's metrics each second."""
    done = threading.Event()

    def read() -> None:
        while not done.wait(SCRAPE_SECONDS):
            for url in fleet.urls.values():
                page(f"{url}/metrics")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def measured(side: Side, seconds: float, seed: int) -> Cost:
    pids = side.fleet.pids()
    postgres = pids.pop("postgres")
    before: list[float] = []

    def spent() -> list[float]:
        return [meter.cpu_of(pids.values()), meter.cpu_of_tree(postgres)]

    run = Run(OPERATION, PLAIN, CALLERS, seconds, seed)
    result = side.load.run(run, lambda: before.extend(spent()))
    bought = len(result.latencies)
    services, database = (b - a for a, b in zip(before, spent(), strict=True))
    return Cost(bought / result.seconds, services * 1000 / bought, database * 1000 / bought)


def rounds(plain: Side, traced: Side, count: int, seconds: float) -> list[dict[str, Cost]]:
    """Each with its ways in another order. The first one only warms up."""
    ways: list[tuple[str, Side, Callable[[], AbstractContextManager[None]]]] = [
        (PLAIN, plain, nullcontext),
        (READ, plain, partial(being_read, plain.fleet)),
        (TRACED, traced, nullcontext),
    ]
    found = []
    for number in range(count + 1):
        turn = number % len(ways)
        costs = {}
        for place, (name, side, watching) in enumerate((*ways[turn:], *ways[:turn])):
            with watching():
                # Two ways share a fleet; with one seed, the second would repeat the first's keys.
                costs[name] = measured(side, seconds, number * len(ways) + place)
        found.append(costs)
    return found[1:]


def table(found: Sequence[dict[str, Cost]]) -> Iterator[str]:
    yield HEAD
    for way in (PLAIN, READ, TRACED):
        costs = [each[way] for each in found]
        rate = median(each[way].per_second / each[PLAIN].per_second for each in found)
        cpu = median(each[way].services_ms / each[PLAIN].services_ms for each in found)
        yield (
            f"{way:14} {median(each.per_second for each in costs):12.1f} {rate:6.2f} "
            f"{median(each.services_ms for each in costs):9.2f} {cpu:6.2f} "
            f"{median(each.postgres_ms for each in costs):11.2f}"
        )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.observed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run in a round")
    parser.add_argument("--port-base", type=int, default=18000)
    options = parser.parse_args(arguments)
    base = options.port_base
    began = time.monotonic()
    with (
        data_folder() as folder,
        collector(base + 3 * APART) as url,
        side(folder / "plain", base) as plain,
        side(folder / "traced", base + APART, OTEL_EXPORTER_OTLP_ENDPOINT=url) as traced,
    ):
        for line in table(rounds(plain, traced, options.rounds, options.seconds)):
            console.say(line)
    console.say(f"{options.rounds} rounds, {time.monotonic() - began:.0f} s, {CALLERS} in flight")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
