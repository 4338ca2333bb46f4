"""What a case does to the fleet, once its moment has come."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import replace

from tests.faults.links.http_wire import Call, answer_to
from tests.faults.links.proxy import Drop, Exchange
from tests.faults.links.wired import CLIENT
from tests.faults.links.wiring import WiredFleet

from .cases import Case
from .events import Event, Watch, When
from .replies import Replies

# Longer than a peer is waited for, than a statement may take, and than our client waits.
LATE_SECONDS = 2.5
# Longer than what each has leased before it was stopped; the others lease nothing.
STOPPED_SECONDS = {"fulfilment": 7.0, "order": 3.0}


class FaultAt(Watch):
    """Passes everything on, but for the one moment of the case."""

    def __init__(self, case: Case, wired: WiredFleet, replies: Replies) -> None:
        super().__init__()
        self.fired = asyncio.Event()
        self._case = case
        self._wired = wired
        self._replies = replies
        self._stopped: asyncio.Task[None] | None = None
        self._copied: Call | None = None

    async def moment(self, event: Event, when: When, exchange: Exchange) -> None:
        if isinstance(exchange, Call) and event.kind == "answer" and when == "before":
            self._replies.note(exchange)
        if (event, when) == (self._case.event, self._case.when) and not self.fired.is_set():
            self.fired.set()
            await self._strike(exchange)

    async def over(self) -> None:
        """Return once it is no more: a service that was stopped goes on."""
        if self._stopped is not None:
            await asyncio.shield(self._stopped)

    async def copy_late(self) -> None:
        """What was sent twice comes once more, when all is done."""
        if self._copied is not None:
            await self._copy(self._copied)

    async def _strike(self, exchange: Exchange) -> None:
        match self._case.fault:
            case "kill":
                os.kill(self._wired.pid(self.victim), signal.SIGKILL)
                raise Drop()
            case "stop":
                self._stop()
                if self._case.when == "before" and self._victim_speaks:
                    await self.over()
            case "drop":
                raise Drop()
            case "duplicate":
                assert isinstance(exchange, Call)
                self._copied = exchange
                await self._copy(exchange)
            case "delay":
                await asyncio.sleep(LATE_SECONDS)  # the fault itself

    @property
    def victim(self) -> str:
        """Whoever is about to act; a client of ours is not to be had."""
        event = self._case.event
        acting = event.callee if event.kind == "request" else event.caller
        return event.callee if acting == CLIENT else acting

    @property
    def _victim_speaks(self) -> bool:
        """Whether the message is one that the victim, being stopped, would not have sent yet."""
        event = self._case.event
        return event.kind == "commit" or (event.kind == "answer" and event.caller == CLIENT)

    def _stop(self) -> None:
        """At once; it goes on by itself."""
        pid = self._wired.pid(self.victim)
        os.kill(pid, signal.SIGSTOP)

        async def go_on() -> None:
            try:
                await asyncio.sleep(STOPPED_SECONDS.get(self.victim, LATE_SECONDS))  # the fault
            finally:
                os.kill(pid, signal.SIGCONT)

        self._stopped = asyncio.create_task(go_on())

    async def _copy(self, call: Call) -> None:
        """Send the same request on a connection of its own, and wait for what is said."""
        stream = await call.link.connect()
        try:
            with suppress(EOFError, OSError):
                await stream.send(call.request)
                self._replies.note(await answer_to(replace(call), stream.reader))
        finally:
            await stream.close()
