"""The client's log: what was asked, under which key, and every answer that came back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """What a request does if it does anything: so many rows that carry a mark of ours."""

    kind: str
    mark: str
    times: int = 1


@dataclass(frozen=True)
class Reply:
    """One answer. `sent` and `got` are the places of both events in the log's own count."""

    status: int
    body: bytes
    sent: int
    got: int
    replayed: bool = False
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def lasting(self) -> bool:
        """Neither busy nor in progress: asking again would be of no use."""
        return self.status < 500 and not (self.status == 409 and self.retry_after is not None)

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def problem(self) -> str:
        """Its slug; empty if it is none."""
        return "" if self.ok else str(self.json["type"]).removeprefix("/problems/")


@dataclass(eq=False)
class Request:
    """Something that a person wants once, however often it is sent.

    `fine` are the refusals that may come of it as things are in this shop.
    """

    method: str
    service: str
    path: str
    body: Any = None
    key: str | None = None
    effect: Effect | None = None
    fine: frozenset[str] = frozenset()
    attempts: int = 0
    given_up: bool = False
    replies: list[Reply] = field(default_factory=list)

    @property
    def acknowledged(self) -> list[Reply]:
        return [reply for reply in self.replies if reply.ok]

    @property
    def refused(self) -> bool:
        """For certain: no attempt of it can have done anything, or still do so."""
        answers = [reply for reply in self.replies if reply.status < 500]
        return len(answers) == self.attempts and not self.acknowledged

    def __str__(self) -> str:
        key = f" with key {self.key}" if self.key else ""
        return f"{self.method} {self.service}{self.path}{key}"


class Log:
    """All requests of a run, of which there were so many `successes`; and `complaints`, what
    people saw to be wrong there and then."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.successes = 0
        self._events = 0

    def tick(self) -> int:
        self._events += 1
        return self._events

    def add(self, request: Request) -> Request:
        self.requests.append(request)
        return request

    def acknowledged(self) -> Iterator[tuple[Request, Reply]]:
        """What was answered with success, in the order of the answers of each request."""
        for request in self.requests:
            for reply in request.acknowledged:
                yield request, reply
