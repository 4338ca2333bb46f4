"""One running fleet on which cases are tried, one after the other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg
import httpx

from fleet.audit import Invariant, auditor_url, check, liveness, safety
from tests.faults.links.proxy import Exchange, Rule
from tests.faults.links.wiring import WiredFleet, wired_fleet
from tests.fleets import beside, data_folder
from tests.polling import until
from tests.shop import Shop

from .cases import Case, Script
from .events import Event, Watch, When
from .faults import FaultAt
from .journeys import JOURNEYS, Journey, Purchase, complaints, prepare
from .replies import Replies
from .scripts import RECORDED
from .shopper import PATIENCE_SECONDS, Wrong

REST_SECONDS = 10.0
STANDSTILL_SECONDS = 2.5
READY_SECONDS = 15.0
# Every sweep that asks others comes by in this time.
QUIET_SECONDS = 3.0

NOT_REACHED = "the event did not happen"
# On a busy machine a customer may leave before the moment of the case has come.
LEAVERS = 3

SAFETY = safety()
# The audit gives unfinished work ten seconds; asked again and again, it need not.
AT_REST = [
    replace(each, query=each.query.replace("interval '10 seconds'", "interval '0'"))
    for each in liveness()
]


class Record(Watch):
    """Writes down what comes by."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Event] = []
        self.happened: list[Event] = []

    async def moment(self, event: Event, when: When, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        if when == "before":
            self.begun.append(event)
        # A statement may turn out to have changed nothing.
        if when == ("after" if event.kind == "commit" else "before"):
            self.happened.append(event)


@dataclass
class Workbench:
    """A fleet with its links, clients of it, and somebody who reads all its books."""

    wired: WiredFleet
    shop: Shop
    http: httpx.AsyncClient
    books: asyncpg.Connection

    async def background(self) -> set[str]:
        """What happens, or is tried, while nobody buys anything."""
        record = Record()
        self.wired.set_rule(record)
        await asyncio.sleep(QUIET_SECONDS)  # the span in which sweeps are watched
        self.wired.set_rule(Rule())
        return {each.place for each in record.begun}

    async def script(self, name: str, background: set[str]) -> Script:
        """The events of a journey: those that happen each time, and not without it."""
        once, again = [await self._recorded(JOURNEYS[name]) for _ in range(2)]
        events = [
            event
            for event in again.happened
            if event in once.happened and not (event.kind != "commit" and event.place in background)
        ]
        polled = frozenset(event for event in events if event.place in background)
        return Script(name, tuple(events), polled)

    async def _recorded(self, journey: Journey) -> Record:
        record, purchase = Record(), await self._prepared(journey)
        self.wired.set_rule(record)
        await journey.run(purchase)
        await self.until_at_rest()
        self.wired.set_rule(Rule())
        return record

    async def try_case(self, case: Case) -> list[str]:
        """Make the purchase with this fault in it. Returns what was not as it has to be."""
        broken = [NOT_REACHED]
        for _ in range(1 if JOURNEYS[case.journey].end else LEAVERS):
            if broken == [NOT_REACHED]:
                broken = await self._try_once(case)
        return broken

    async def _try_once(self, case: Case) -> list[str]:
        journey, replies = JOURNEYS[case.journey], Replies()
        purchase = await self._prepared(journey)
        fault = FaultAt(case, self.wired, replies)
        self.wired.set_rule(fault)
        try:
            broken = await self._go_through(journey, purchase, fault)
        except Wrong as error:
            broken = [str(error)]
        finally:
            await fault.over()
            self.wired.set_rule(Rule())
        return broken + replies.complaints()

    async def _go_through(self, journey: Journey, purchase: Purchase, fault: FaultAt) -> list[str]:
        """Raises Wrong."""
        looked = asyncio.create_task(self._broken_once_fired(fault))
        try:
            await journey.run(purchase)
            # Some of it happens in the background.
            await asyncio.wait_for(fault.fired.wait(), REST_SECONDS)
            broken = await looked
        except TimeoutError:
            raise Wrong(NOT_REACHED) from None
        finally:
            looked.cancel()
        await fault.over()
        await fault.copy_late()
        await self._until_ready(fault.victim)
        await purchase.shopper.repeat_all()
        await self.until_at_rest()
        return broken + await complaints(journey, purchase) + await self._broken(SAFETY)

    async def _broken_once_fired(self, fault: FaultAt) -> list[str]:
        await fault.fired.wait()
        return await self._broken(SAFETY)

    async def _prepared(self, journey: Journey) -> Purchase:
        shopper = journey.shopper(self.http, self.wired.client_urls)
        purchase = await prepare(self.shop, shopper, stock=journey.stock)
        await journey.prelude(purchase)
        return purchase

    async def until_at_rest(self) -> None:
        """Raises Wrong when something is still unfinished ten seconds after the last fault.

        All that the fleet says passes through this process: where that stands still for as long as
        a statement may take, it is one more fault. However often it does, a minute is enough.
        """
        clock = asyncio.get_running_loop().time
        began = fault = looked = clock()
        while unfinished := await self._broken(AT_REST):
            now = clock()
            if now > looked + STANDSTILL_SECONDS:
                fault = now
            if now > min(fault + REST_SECONDS, began + PATIENCE_SECONDS):
                raise Wrong("; ".join(unfinished))
            looked = now
            await asyncio.sleep(0.1)  # between two looks, each of all books

    async def _until_ready(self, service: str) -> None:
        url = f"{self.wired.fleet.urls[service]}/readyz"
        await until(lambda: self._is_ready(url), seconds=READY_SECONDS)

    async def _is_ready(self, url: str) -> bool:
        try:
            return (await self.http.get(url)).status_code == 200
        except httpx.TransportError:
            return False

    async def _broken(self, invariants: Sequence[Invariant]) -> list[str]:
        findings = await check(self.books, invariants)
        return [
            f"{each.invariant.name} ({each.invariant.statement}): {list(map(dict, each.examples))}"
            for each in findings
            if each.violations
        ]


@asynccontextmanager
async def workbench() -> AsyncIterator[Workbench]:
    """A new fleet, in a folder of its own that goes with it."""
    async with (
        beside(data_folder()) as folder,
        wired_fleet(folder) as wired,
        Shop(wired.fleet.urls) as shop,
        httpx.AsyncClient() as http,
    ):
        books = await asyncpg.connect(auditor_url(wired.fleet.environment), timeout=5)
        try:
            yield Workbench(wired, shop, http, books)
        finally:
            await books.close()


async def record() -> list[Script]:
    """What happens in each journey, as it is today."""
    async with workbench() as ours:
        background = await ours.background()
        return [await ours.script(name, background) for name in RECORDED]
