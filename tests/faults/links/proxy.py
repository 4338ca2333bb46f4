"""Stands between a caller and a callee, and does with each message what a rule says.

Messages are stored and forwarded: a request is whole before a rule sees it, and so is its answer.
A link's `rule` may be changed at any time, and goes for the next message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

# The head of a message is read as a whole, and no head of ours is nearly as long.
LONGEST_LINE = 1 << 20

ENDED = (EOFError, OSError)


class Drop(Exception):
    """Raised by a rule: the message is not passed on, and the connection is cut."""


@dataclass(eq=False)
class Exchange:
    """A request and, once it is there, its answer. A rule may put another answer in its place."""

    link: "Link"
    request: bytes
    answer: bytes = b""


class Rule:
    """What is done with messages; as it stands, all of them pass. Override what is to be otherwise.

    Each method may wait, raise Drop, or do something to whoever is concerned.
    """

    async def request(self, exchange: Exchange) -> None:
        """A request is about to be passed on."""

    async def forwarded(self, exchange: Exchange) -> None:
        """The callee has been sent the request."""

    async def answer(self, exchange: Exchange) -> None:
        """The answer is about to be passed on."""

    async def delivered(self, exchange: Exchange) -> None:
        """The caller has been sent the answer."""


class HalfOpen(Rule):
    """Connections are taken, and nothing is ever heard from the other side."""

    async def request(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        await asyncio.Event().wait()


@dataclass
class Slow(Rule):
    """Every request, or every answer, is held up."""

    requests: float = 0
    answers: float = 0

    async def request(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        await asyncio.sleep(self.requests)  # the fault itself

    async def answer(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        await asyncio.sleep(self.answers)  # the fault itself


class Deaf(Rule):
    """The callee does what it is asked, and nobody hears of it."""

    async def answer(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        raise Drop()


@dataclass
class Says(Rule):
    """The callee's answers are replaced by these bytes."""

    instead: bytes

    async def answer(self, exchange: Exchange) -> None:
        exchange.answer = self.instead


class Stream(NamedTuple):
    """One side of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


class Wire(Protocol):
    """How to tell messages apart on one connection. Bytes stand for what no rule is to see.

    All raise EOFError or OSError when a side has gone.
    """

    async def greet(self, caller: Stream, callee: Stream) -> None: ...
    async def request(self, caller: asyncio.StreamReader) -> Exchange | bytes: ...
    async def answer(self, callee: asyncio.StreamReader) -> Exchange | bytes: ...


class Link:
    """A port on which a callee can be reached; `rule` says what happens on the way."""

    def __init__(
        self,
        caller: str,
        callee: str,
        port: int,
        wire: "Callable[[Link], Wire]",
        connect: Callable[[], Awaitable[Stream]],
    ) -> None:
        self.caller = caller
        self.callee = callee
        self.rule = Rule()
        self.port = port
        self.connect = connect
        self._wire = wire
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def __str__(self) -> str:
        return f"{self.caller}>{self.callee}"

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, limit=LONGEST_LINE
        )

    async def close(self) -> None:
        """Refuse connections from now on, and cut those that there are."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """End the connections that there are."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        caller = Stream(reader, writer)
        try:
            with suppress(asyncio.CancelledError, *ENDED):
                await self._serve(caller)
        finally:
            await caller.close()
            self._connections.discard(task)

    async def _serve(self, caller: Stream) -> None:
        callee = await self.connect()
        wire = self._wire(self)
        try:
            await wire.greet(caller, callee)
            await _first_of(self._ask(wire, caller, callee), self._answer(wire, caller, callee))
        finally:
            await callee.close()

    async def _ask(self, wire: Wire, caller: Stream, callee: Stream) -> None:
        while True:
            message = await wire.request(caller.reader)
            if isinstance(message, bytes):
                await callee.send(message)
                continue
            await self.rule.request(message)
            await callee.send(message.request)
            await self.rule.forwarded(message)

    async def _answer(self, wire: Wire, caller: Stream, callee: Stream) -> None:
        while True:
            message = await wire.answer(callee.reader)
            if isinstance(message, bytes):
                await caller.send(message)
                continue
            await self.rule.answer(message)
            await caller.send(message.answer)
            await self.rule.delivered(message)


async def _first_of(*sides: Awaitable[None]) -> None:
    """When one side of a connection has gone, or is to go, the other one goes too."""
    tasks = [asyncio.ensure_future(side) for side in sides]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, (Drop, *ENDED)):
            raise result
