"""The events of each journey as they are kept, so that a case has the same name at every run.

One line an event, `polled` behind those that are also asked for in vain.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from .cases import Case, Script
from .events import Event

EVENTS = Path(__file__).with_name("events.txt")


def kept() -> list[Script]:
    lines = [line.split() for line in EVENTS.read_text(encoding="utf-8").splitlines()]
    journeys = dict.fromkeys(line[0] for line in lines)
    return [
        _script(journey, [line for line in lines if line[0] == journey]) for journey in journeys
    ]


def _script(journey: str, lines: Sequence[Sequence[str]]) -> Script:
    events = {Event.parse(line[1]): len(line) > 2 for line in lines}
    return Script(journey, tuple(events), frozenset(each for each in events if events[each]))


def all_cases() -> list[Case]:
    return [case for script in kept() for case in script.cases()]


def keep(scripts: Iterable[Script]) -> None:
    lines = (
        f"{script.journey} {event}" + " polled" * (event in script.polled)
        for script in scripts
        for event in script.events
    )
    EVENTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
