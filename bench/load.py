"""The load generator: a process of its own, whose own CPU is told apart.

Closed loop: so many callers, each of which asks again as soon as it has its answer.
"""

import asyncio
import multiprocessing
import signal
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from .catalogue import World
from .operations import OPERATIONS, Operation
from .wire import Client, Unexpected

# A caller who was refused does not ask again at once: that would be another load.
REST_SECONDS = 0.02

CONTEXT = multiprocessing.get_context("spawn")

NOTHING_LEFT = "nothing left to do it with: what comes before it failed"


@dataclass(frozen=True)
class Run:
    """One operation against one target by so many callers, for so long or so often.

    Runs of the same `seed` do the same.
    """

    operation: str
    target: str
    callers: int
    seconds: float
    seed: int
    most: int | None = None


@dataclass
class Result:
    """`latencies` are those of what succeeded, in seconds; `failed` counts the rest by why."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    failed: Counter[str] = field(default_factory=Counter)


class Generator:
    """The load generator as its owner sees it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def run(self, run: Run, started: Callable[[], None] = lambda: None) -> Result:
        """`started` is called when all is ready, right before the load begins."""
        self._pipe.send(run)
        self._pipe.recv()
        started()
        self._pipe.send(None)
        result: Result = self._pipe.recv()
        return result


@contextmanager
def generator(
    world: World,
    targets: Mapping[str, Mapping[str, str]],
    *,
    keyed: bool = True,
    keys: Mapping[str, Path] | None = None,
    operations: Mapping[str, Operation] = OPERATIONS,
) -> Iterator[Generator]:
    """A load generator for as long as the block lasts. `targets` are URLs by service, by name;
    `keyed` requests carry Idempotency-Keys. `keys` are those of targets that ask for tokens."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(
        target=serve, args=(theirs, world, targets, keyed, keys or {}, operations), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield Generator(ours)
    finally:
        ours.close()
        process.join(10)


def serve(
    pipe: Connection,
    world: World,
    targets: Mapping[str, Mapping[str, str]],
    keyed: bool,
    keys: Mapping[str, Path],
    operations: Mapping[str, Operation],
) -> None:
    """The process: run after run, until nobody wants one any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made: dict[tuple[str, str], list[Any]] = {}
    try:
        while True:
            run: Run = pipe.recv()
            operation = operations[run.operation]
            if operation.inputs:
                inputs = operation.inputs(world, Random(run.seed), run.callers)
            else:
                inputs = iter(made[run.target, operation.after or ""])
            urls, own = targets[run.target], keys.get(run.target)
            clients = [Client(urls, keyed=keyed, keys=own) for _ in range(run.callers)]
            load = Load(run, operation, clients, islice(inputs, run.most))
            pipe.send(uvloop.run(load.go(pipe)))
            made[run.target, operation.name] = load.made
    except EOFError:
        return


class Load:
    """One run, under way."""

    def __init__(
        self, run: Run, operation: Operation, clients: list[Client], inputs: Iterable[Any]
    ) -> None:
        self.made: list[Any] = []
        self._run = run
        self._operation = operation
        self._clients = clients
        self._inputs = iter(inputs)
        self._result = Result()

    async def go(self, pipe: Connection) -> Result:
        """Connect, say so, and begin when told to."""
        for client in self._clients:
            for service in self._operation.services:
                await client.connect(service)
        pipe.send(None)
        pipe.recv()
        began, cpu = time.perf_counter(), time.process_time()
        until = began + self._run.seconds
        least = self._operation.least
        await asyncio.gather(*(self._call(client, until, least) for client in self._clients))
        self._result.seconds = time.perf_counter() - began
        self._result.cpu_seconds = time.process_time() - cpu
        for client in self._clients:
            client.close()
        if not self._result.latencies and not self._result.failed:
            self._result.failed[NOTHING_LEFT] += 1
        return self._result

    async def _call(self, client: Client, until: float, least: int) -> None:
        work, latencies, clock = self._operation.work, self._result.latencies, time.perf_counter
        for number, each in enumerate(self._inputs):
            began = clock()
            if began >= until and number >= least:
                return
            try:
                output = await work(client, each)
            except Unexpected as unexpected:
                self._result.failed[f"status {unexpected}"] += 1
                await asyncio.sleep(REST_SECONDS)  # who was refused does not ask again at once
                continue
            latencies.append(clock() - began)
            if output is not None:
                self.made.append(output)
