"""Asks a service generated questions, and looks at every answer."""

import asyncio
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chassis.app import ServiceApp

from .fleet import Answer, ask
from .requests import Generator, Request

# These say when to come back, and that nothing is broken.
TEMPORARY = frozenset({503, 504})

# Some answers wait for a while, for others that are under way.
AT_ONCE = 6


@dataclass
class Report:
    """How often which status came, and what is wrong."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def note(self, request: Request, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        if answer.status < 300:
            self.successes[request.operation] += 1
        if (
            request.must_not
            and answer.status < 300
            and b"idempotent-replayed" not in answer.headers
        ):
            self.failures.append(f"{request.must_not}: {describe(request, answer)}")
        for wrong in wrongs(answer):
            self.failures.append(f"{wrong}: {describe(request, answer)}")

    @property
    def requests(self) -> int:
        return self.statuses.total()

    def __str__(self) -> str:
        found = ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.requests:,} requests in {self.seconds:.0f} s; {found}; "
            f"{len(self.successes)} operations succeeded; {len(self.failures)} failures"
        )


async def fuzz(app: ServiceApp, world: Iterable[Any], requests: int, seed: int) -> Report:
    """`world` is what there is, as earlier answers told it."""
    generator = Generator(app.openapi(), seed)
    for answer in world:
        generator.values.remember(answer)
    report = Report()
    questions = islice(generator, requests)

    async def go_on() -> None:
        for request in questions:
            answer = await ask(app, request)
            report.note(request, answer)
            if answer.told:
                generator.values.remember(answer.json())

    started = time.monotonic()
    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    report.seconds = time.monotonic() - started
    return report


def wrongs(answer: Answer) -> Iterator[str]:
    """What must never be, whatever was asked."""
    if answer.status >= 500 and answer.status not in TEMPORARY:
        yield "broke"
    if answer.status in TEMPORARY and b"retry-after" not in answer.headers:
        yield "does not say when to come back"
    if answer.status >= 400:
        if answer.headers.get(b"content-type") != b"application/problem+json":
            yield "is no problem document"
        elif answer.body and answer.json()["status"] != answer.status:
            yield "names another status"
    if answer.told and not all(in_one_form(text) for text in texts(answer.json())):
        yield "tells a text that is not in the one form"


def texts(value: Any) -> Iterator[str]:
    """Each text in an answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name != "detail":  # it may quote what was wrong with a row
                yield from texts(each)


def in_one_form(text: str) -> bool:
    """Composed, trimmed, and without invisible characters, but for the joiners."""
    kinds = {unicodedata.category(letter) for letter in text if letter not in "\u200c\u200d"}
    plain = not kinds & {"Cf", "Cs"} and "\x00" not in text
    return plain and unicodedata.is_normalized("NFC", text) and text == text.strip()


def describe(request: Request, answer: Answer) -> str:
    return f"{answer.status} {answer.body[:300]!r} to {request}"
