"""One run: a fleet under the shoppers' hands and the saboteur's, and everything checked."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet import audit
from tests.fleets import Fleet

from . import diaries, effects, replies, schedule, shelf, standing
from .auditor import Auditor
from .caller import Caller, GaveUp, Refused, calling
from .log import Log
from .progress import Progress
from .saboteur import Saboteur
from .shelf import Shelf
from .shopkeeper import Shopkeeper
from .shopper import Shopper
from .victims import Victims

AUDITED_EVERY = 20.0
SETTLE_SECONDS = 10.0
REPLAYED_AT_THE_END, AT_ONCE = 320, 8
# A service holds about fifty. Beyond this it has kept what it should have let go.
MOST_MEGABYTES = 250


@dataclass(frozen=True)
class Plan:
    """What to do; `thinking` is how many seconds a shopper rests between visits, at most."""

    seed: str
    seconds: float
    shoppers: int = 16
    thinking: float = 0.5


@dataclass
class Result:
    """What a run came to. It was a good one if there are no `violations`."""

    log: Log = field(default_factory=Log)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    audits: int = 0
    settled_after: float = 0.0
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Run:
    """One fleet, one plan; played once."""

    def __init__(self, fleet: Fleet, plan: Plan) -> None:
        self.result = Result()
        self._plan = plan
        self._urls = fleet.urls
        self._auditor = Auditor(audit.auditor_url(fleet.environment))
        self._data_dir = Path(fleet.environment["DATA_DIR"])
        self._victims = Victims(self._data_dir)
        self._saboteur = Saboteur(self._victims)
        self._shelf = Shelf(f"chaos-{plan.seed}")
        self._shoppers: list[Shopper] = []
        self._closing = asyncio.Event()

    async def play(self) -> Result:
        async with calling(self._urls, self.result.log, self._plan.seed) as caller:
            await shelf.fill(self._shelf, caller)
            before = self._victims.memory()
            await self._mistreat(caller)
            await self._settle()
            after = self._victims.memory()
            await self._judge(caller)
        self.result.memory = {name: (before[name], after.get(name, 0)) for name in before}
        self.result.violations += _swollen(self.result.memory)
        self.result.outcomes = sum((each.outcomes for each in self._shoppers), Counter())
        self.result.faults = self._saboteur.done
        self.result.audits = self._auditor.audits
        return self.result

    async def _mistreat(self, caller: Caller) -> None:
        """Until the last fault is over, and everybody has had the answer they were waiting for."""
        self._shoppers = [
            Shopper(f"shopper-{number}", caller, self._shelf, self._plan.seed)
            for number in range(self._plan.shoppers)
        ]
        keeper = Shopkeeper(caller, self._shelf, self._plan.seed)
        faults = schedule.make(self._plan.seed, self._plan.seconds)
        async with asyncio.TaskGroup() as group:

            def start(work: Coroutine[Any, Any, None]) -> None:
                group.create_task(work)

            for shopper in self._shoppers:
                start(shopper.shop(self._closing, self._plan.thinking))
            start(keeper.work(self._closing))
            start(self._keep_auditing())
            start(self._keep_telling())
            start(self._saboteur.carry_out(faults))
            start(self._close())

    async def _close(self) -> None:
        await asyncio.sleep(self._plan.seconds)  # the length of the run
        self._closing.set()

    async def _keep_auditing(self) -> None:
        while not await self._closes_within(AUDITED_EVERY):
            self.result.violations += await self._auditor.always()

    async def _keep_telling(self) -> None:
        progress = Progress(self._plan.seconds)
        while not await self._closes_within(progress.pause):
            progress.tell(
                purchases=sum(each.outcomes.total() for each in self._shoppers),
                faults=self._saboteur.done.total(),
                acknowledged=self.result.log.successes,
                violations=len(self.result.violations) + len(self.result.log.complaints),
            )

    async def _closes_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._closing.wait()
        except TimeoutError:
            return False

    async def _settle(self) -> None:
        """The faults are over: wait until nothing is under way any more, but not for long."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while clock() - began < SETTLE_SECONDS:
            if not await self._auditor.unfinished():
                break
            await asyncio.sleep(0.2)  # between two looks; SETTLE_SECONDS bounds them all
        self.result.settled_after = clock() - began

    async def _judge(self, caller: Caller) -> None:
        log, found = self.result.log, self.result.violations
        found += await self._auditor.everything()
        await _replay_some(caller)
        counted = await self._auditor.read(lambda db: effects.found(db, log))
        found += effects.violations(effects.expected(log), counted)
        found += await standing.violations(log, caller)
        found += replies.violations(log)
        found += diaries.violations(self._data_dir)
        found += await self._auditor.everything()


async def _replay_some(caller: Caller) -> None:
    """Long after: whoever sends something again gets the answer of then."""

    async def replay() -> None:
        for _ in range(REPLAYED_AT_THE_END // AT_ONCE):
            # What is wrong stands in the log.
            with suppress(Refused, GaveUp):
                await caller.replay_late()

    await asyncio.gather(*(replay() for _ in range(AT_ONCE)))


def _swollen(memory: dict[str, tuple[int, int]]) -> list[str]:
    return [
        f"{name} holds {after // 1024} MB, {before // 1024} before"
        for name, (before, after) in memory.items()
        if after > MOST_MEGABYTES * 1024
    ]
