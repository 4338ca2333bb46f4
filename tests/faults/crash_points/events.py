"""What happens at the boundaries of services, told apart so that it is found again next time."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeGuard
from weakref import WeakKeyDictionary

from tests.faults.links.http_wire import Call
from tests.faults.links.postgres_wire import RoundTrip
from tests.faults.links.proxy import Exchange, Rule

from .statements import name_of

Kind = Literal["request", "answer", "commit"]
KINDS: dict[str | None, Kind] = {"request": "request", "answer": "answer", None: "commit"}
When = Literal["before", "after"]

_TEXT = re.compile(r"(\w+)>(\w+)/(.+)#(\d+)(?:\.(request|answer))?")


@dataclass(frozen=True)
class Event:
    """The `number`th time, in one purchase, that this is asked, answered or committed.

    `what` is a route, or the first statement of ours that wrote in the unit of work.
    """

    caller: str
    callee: str
    what: str
    number: int
    kind: Kind

    @property
    def place(self) -> str:
        return f"{self.caller}>{self.callee}/{self.what}"

    def __str__(self) -> str:
        suffix = "" if self.kind == "commit" else f".{self.kind}"
        return f"{self.place}#{self.number}{suffix}"

    @classmethod
    def parse(cls, text: str) -> "Event":
        """The event that has this text. Raises ValueError."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text} is no event")
        caller, callee, what, number = match.group(1, 2, 3, 4)
        return cls(caller, callee, what, int(number), KINDS[match[5]])


class Watch(Rule):
    """Sees each event twice: before what it is about is passed on, and after."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        self._numbers: WeakKeyDictionary[Exchange, int] = WeakKeyDictionary()

    async def moment(self, event: Event, when: When, exchange: Exchange) -> None:
        """To be overridden. May do what a rule may do."""

    async def request(self, exchange: Exchange) -> None:
        if isinstance(exchange, Call):
            self._numbers[exchange] = self._count(exchange)
            await self.moment(self._event(exchange, "request"), "before", exchange)
        elif isinstance(exchange, RoundTrip) and exchange.may_commit:
            await self.moment(self._commit(exchange), "before", exchange)

    async def forwarded(self, exchange: Exchange) -> None:
        if self._knows(exchange):
            await self.moment(self._event(exchange, "request"), "after", exchange)

    async def answer(self, exchange: Exchange) -> None:
        if self._knows(exchange):
            await self.moment(self._event(exchange, "answer"), "before", exchange)
        elif isinstance(exchange, RoundTrip) and exchange.committed:
            event = self._commit(exchange)
            self._count(exchange)
            await self.moment(event, "after", exchange)

    async def delivered(self, exchange: Exchange) -> None:
        if self._knows(exchange):
            await self.moment(self._event(exchange, "answer"), "after", exchange)

    def _knows(self, exchange: Exchange) -> TypeGuard[Call]:
        """Whether it is a call that was begun while we watched."""
        return exchange in self._numbers

    def _count(self, exchange: Exchange) -> int:
        place = (str(exchange.link), what_of(exchange))
        self._seen[place] += 1
        return self._seen[place]

    def _event(self, call: Call, kind: Kind) -> Event:
        link = call.link
        return Event(link.caller, link.callee, what_of(call), self._numbers[call], kind)

    def _commit(self, trip: RoundTrip) -> Event:
        link, what = trip.link, what_of(trip)
        number = self._seen[str(link), what] + 1
        return Event(link.caller, link.callee, what, number, "commit")


def what_of(exchange: Exchange) -> str:
    """What an exchange is for, without whom it concerns."""
    if isinstance(exchange, Call):
        return exchange.route
    assert isinstance(exchange, RoundTrip)
    names = [
        name_of(exchange.link.caller, text) for text in exchange.written or exchange.statements
    ]
    # Its key is written in nearly every unit of work: what else is done tells them apart.
    return next((name for name in names if not name.startswith("idempotency.")), names[0])
