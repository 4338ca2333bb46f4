"""The events of each journey as they are kept, so that a case has the same name at every run.

One line an event, `polled` behind those that are also asked for in vain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from .cases import Case, Script
from .events import Event

RECORDED = ("bought", "undone", "handed")
# The same with somebody who leaves.
LEFT = {"bought": "left", "handed": "let-be"}

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
    return list(cases_of(kept()))


def cases_of(scripts: Iterable[Script]) -> Iterable[Case]:
    """Each fault at each event; and each that leaves a customer without an answer once more, with
    one who then leaves."""
    for script in scripts:
        for case in script.cases():
            yield case
            if case.journey in LEFT and case.fault in ("kill", "drop"):
                yield replace(case, journey=LEFT[case.journey])


def keep(scripts: Iterable[Script]) -> None:
    lines = (
        f"{script.journey} {event}" + " polled" * (event in script.polled)
        for script in scripts
        for event in script.events
    )
    EVENTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
