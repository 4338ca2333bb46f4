"""Which requests are worked on, which wait for a moment, and which are refused.

One process gets little more done by doing more at a time: everybody is only later. So few requests
are at work at once, and other clients wait in line:

    nobody waits too long          the oldest goes first, as is fair
    somebody has waited too long,  that is no burst, but too much: whoever has waited for long is
    or the line was full for long, refused, and until a second has passed without that, half as
    and more keep coming           many are worked on and one waits, so that these are quick, and
                                   whoever else comes is refused at once

Calls of peers are parts of requests that were let in elsewhere. They never wait here, and take
places away from new requests: what was begun is finished before more is begun.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LONG_SECONDS = 0.1
TOO_LONG_SECONDS = 1.0
CALM_SECONDS = 1.0

# So many wait under overload: the next one comes soon enough, and more would be later.
SHORT_LINE = 1

# A request that takes longer waits for something (a peer that hangs, a lock), and does no work
# that others should have to wait for.
WORK_SECONDS = 2.0


@dataclass
class Limits:
    """How much at once, and for how many seconds each.

    `at_work` bounds the requests that are worked on, before one more of a client's is begun;
    `in_flight` bounds all that are here, the line included; with calls of peers, twice as many.
    """

    in_flight: int = 128
    at_work: int = 6
    request_timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in line, since when."""

    since: float
    admitted: asyncio.Future[bool]

    def tell(self, admitted: bool) -> bool:
        """Returns whether there was still somebody to hear it."""
        if self.admitted.done():
            return False
        self.admitted.set_result(admitted)
        return True


class Admission:
    """The requests in one process."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.in_flight = 0
        self._clock = clock
        self._limits = limits
        self._at_work = 0
        self._line: deque[Turn] = deque()
        # Since when somebody has always been waiting.
        self._waiting_since = 0.0
        self._overloaded_until = 0.0

    async def enter(self, *, outermost: bool, patience: float) -> "Work | None":
        """Begin to work, after at most `patience` seconds in line. None: refused."""
        # A full line leaves room for what was begun elsewhere.
        if self.in_flight >= self._limits.in_flight * (1 if outermost else 2):
            if self._line and self._clock() - self._waiting_since > TOO_LONG_SECONDS:
                self.prolong()
            return None
        self.in_flight += 1
        try:
            if not outermost or self._at_work < self._places():
                self._at_work += 1
            elif self.overwhelmed():
                self.prolong()
                return None
            elif not await self._admitted(patience):
                return None
            self.in_flight += 1
            return Work(self)
        finally:
            self.in_flight -= 1

    def overwhelmed(self) -> bool:
        """Whether there is too much, and no room in the short line for one more."""
        return self._overloaded() and len(self._line) >= SHORT_LINE

    def _overloaded(self) -> bool:
        return self._clock() < self._overloaded_until

    def _places(self) -> int:
        return max(1, self._limits.at_work // 2) if self._overloaded() else self._limits.at_work

    def prolong(self) -> None:
        """It is too much, from now on, or still."""
        self._overloaded_until = self._clock() + CALM_SECONDS

    async def _admitted(self, patience: float) -> bool:
        now = self._clock()
        self._thin_out(now)
        loop = asyncio.get_running_loop()
        turn = Turn(now, loop.create_future())
        if not self._line:
            self._waiting_since = now
        self._line.append(turn)
        timer = loop.call_later(patience, turn.tell, False)
        try:
            return await turn.admitted
        except asyncio.CancelledError:
            if not turn.admitted.cancelled() and turn.admitted.result():
                self.leave()
            raise
        finally:
            timer.cancel()

    def _thin_out(self, now: float) -> None:
        endured = LONG_SECONDS if self._overloaded() else TOO_LONG_SECONDS
        if self._line and now - self._line[0].since > endured:
            self.prolong()
            self._refuse_who_waited_long(now)

    def _refuse_who_waited_long(self, now: float) -> None:
        while self._line and now - self._line[0].since > LONG_SECONDS:
            self._line.popleft().tell(False)

    def leave(self) -> None:
        """Stop working: the place is for the next in line."""
        self._at_work -= 1
        while self._line and self._at_work < self._places():
            self._at_work += self._line.popleft().tell(True)


class Work:
    """One request at work: until it ends, or pauses, or seems to."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._paused = False
        self._timer = asyncio.get_running_loop().call_later(WORK_SECONDS, self.pause)

    def pause(self) -> None:
        """Wait for something, and let others work meanwhile."""
        if not self._paused:
            self._paused = True
            self._timer.cancel()
            self._admission.leave()

    def end(self) -> None:
        self.pause()
        self._admission.in_flight -= 1
