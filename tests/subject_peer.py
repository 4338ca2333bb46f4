"""The peer from which a service reads what people ask about their personal data."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

PATH = "/subject-requests"


@dataclass
class SubjectPeer:
    """`asks` is what is asked, `brought` what was brought of it; of the numbers in `refused`
    nothing is taken, which `turned_away` counts. What else is asked goes to `rest`."""

    rest: Callable[[httpx.Request], httpx.Response]
    asks: list[dict[str, Any]] = field(default_factory=list)
    brought: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    turned_away: int = 0

    def ask(self, kind: str, *things: object, subject: object = None) -> int:
        number = len(self.asks) + 1
        self.asks.append(
            {
                "number": number,
                "kind": kind,
                "subject": str(subject or uuid4()),
                "things": [str(thing) for thing in things],
            }
        )
        return number

    def pages(self, number: int) -> list[dict[str, Any]]:
        return [part for of, part in self.brought if of == number]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith(PATH):
            return self.rest(request)
        if request.method == "GET":
            after = int(request.url.params["after"])
            items = [each for each in self.asks if each["number"] > after]
            return httpx.Response(200, json={"items": items})
        number = int(request.url.path.split("/")[2])
        if number in self.refused:
            self.turned_away += 1
            return httpx.Response(413, json={"type": "/problems/content-too-large"})
        self.brought.append((number, json.loads(request.content)))
        return httpx.Response(204)
