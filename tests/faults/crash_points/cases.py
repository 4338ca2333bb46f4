"""One fault at one event: a case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .events import Event, Kind, When

Fault = Literal["kill", "stop", "drop", "duplicate", "delay"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

# What there is to do, before and after a message is passed on. TCP delivers a statement once, so
# there are no duplicates of one. An answer that is held up afterwards is not held up.
POSSIBLE: dict[Kind, tuple[tuple[Fault, When], ...]] = {
    "request": (
        ("kill", "before"),
        ("kill", "after"),
        ("stop", "before"),
        ("stop", "after"),
        ("drop", "before"),
        ("drop", "after"),
        ("duplicate", "before"),
        ("delay", "before"),
    ),
    "answer": (
        ("kill", "before"),
        ("kill", "after"),
        ("stop", "before"),
        ("stop", "after"),
        ("drop", "before"),
        ("drop", "after"),
        ("duplicate", "after"),
        ("delay", "before"),
    ),
    "commit": (
        ("kill", "before"),
        ("kill", "after"),
        ("stop", "before"),
        ("stop", "after"),
        ("drop", "before"),
        ("drop", "after"),
        ("delay", "before"),
        ("delay", "after"),
    ),
}


@dataclass(frozen=True)
class Case:
    """`journey` names the purchase in which it happens."""

    journey: str
    event: Event
    fault: Fault
    when: When

    def __str__(self) -> str:
        return f"{self.journey}/{self.event}/{self.fault}/{self.when}"


@dataclass(frozen=True)
class Script:
    """The events of one journey. Those that are `polled` for are also asked for in vain, many
    times: before them there is no telling that this is the one."""

    journey: str
    events: Sequence[Event]
    polled: frozenset[Event]

    def cases(self) -> Iterable[Case]:
        for event in self.events:
            for fault, when in POSSIBLE[event.kind]:
                if not (when == "before" and event in self.polled):
                    yield Case(self.journey, event, fault, when)
