"""Which requests are worked on, which wait for a moment, and which are refused.

One process gets little more done by doing more at a time: everybody is only later. So few requests
are at work at once, and other clients wait in line:

    nobody waits too long          the oldest goes first, as is fair
    somebody has waited too long,  that is no burst, but too much: whoever has waited for long is
    or the line was full for long, refused; fewer are worked on, so that these are quick, and who
    and more keep coming           comes when there is no place is refused at once
    for a second few were refused  it is over

Calls of peers are parts of requests that were let in elsewhere. They never wait here, and take
places away from new requests: what was begun is finished before more is begun.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LONG_SECONDS = 0.1
TOO_LONG_SECONDS = 1.0

# An overload is judged anew so often.
SECOND = 1.0

# How long one that may come in takes to do so, at most: meanwhile nobody else does.
COMING_SECONDS = 0.002

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


class Overload:
    """Whether there is too much, by how many of those who came within a second were refused."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since: float | None = None
        self._let_in = self._refused = 0

    def begin(self, now: float) -> None:
        """It is too much, if it was not already."""
        if not self.lasts(now):
            self._since = now
            self._let_in = self._refused = 0

    def lasts(self, now: float) -> bool:
        """Whether it is still too much; once a second that is judged anew."""
        if self._since is not None and now - self._since >= SECOND:
            nobody_came = now - self._since >= 2 * SECOND
            # With no line some are refused also where all could be served: for each that is let in
            # one by the root of the places (0.5 of 4), where as much comes as these can take.
            few = self._refused * math.sqrt(self.places()) < self._let_in
            self._since = None if few or nobody_came else now
            self._let_in = self._refused = 0
        return self._since is not None

    def places(self) -> int:
        """How many are worked on while it lasts."""
        return max(1, self._limits.at_work * 2 // 3)

    def let_in(self) -> None:
        self._let_in += 1

    def refused(self) -> None:
        self._refused += 1


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
        self._overload = Overload(limits)
        self._coming_until = 0.0

    async def enter(self, *, outermost: bool, patience: float) -> "Work | None":
        """Begin to work, after at most `patience` seconds in line. None: refused."""
        if outermost:
            self._coming_until = 0.0
        # A full line leaves room for what was begun elsewhere.
        if self.in_flight >= self._limits.in_flight * (1 if outermost else 2):
            self._note_full_line()
            return None
        self.in_flight += 1
        try:
            if not outermost:
                self._at_work += 1
            elif not await self._has_turn(patience):
                self._overload.refused()
                return None
            else:
                self._overload.let_in()
            self.in_flight += 1
            return Work(self)
        finally:
            self.in_flight -= 1

    def turns_away(self) -> bool:
        """Whether a client's request is refused before anything is made of it; if not, it should
        `enter` at once."""
        now = self._clock()
        if not self._overload.lasts(now):
            return False
        if now >= self._coming_until and self._at_work < self._places():
            self._coming_until = now + COMING_SECONDS
            return False
        self._overload.refused()
        return True

    def overloaded(self) -> bool:
        """Whether there is too much, for now."""
        return self._overload.lasts(self._clock())

    def _places(self) -> int:
        return self._overload.places() if self.overloaded() else self._limits.at_work

    def _note_full_line(self) -> None:
        now = self._clock()
        if self._line and now - self._waiting_since > TOO_LONG_SECONDS:
            self._overload.begin(now)
            self._overload.refused()

    async def _has_turn(self, patience: float) -> bool:
        """Wait for a place, unless there is one, or no waiting."""
        if self._at_work < self._places():
            self._at_work += 1
            return True
        if self.overloaded():
            return False
        return await self._called(patience)

    async def _called(self, patience: float) -> bool:
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
        endured = LONG_SECONDS if self.overloaded() else TOO_LONG_SECONDS
        if self._line and now - self._line[0].since > endured:
            self._overload.begin(now)
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
