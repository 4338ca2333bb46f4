"""Many clients of one shop, who all want the same at the same time."""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from fleet.replay.crowd import at_once
from fleet.replay.progress import Progress
from tests.polling import insist, until
from tests.shop import Shop, unique

PATIENCE_SECONDS = 60
# One who was told to come back takes longer than what there is to meet.
LONGEST_PACE_SECONDS = 0.5
TURNS_AT_ONCE = 4
CONNECTIONS = 160


class Crowd(Shop):
    """A shop whose clients take no for an answer, but not "later". `told` counts what they heard,
    as status and problem."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        # As many as a service admits at once, and more: some are refused, and come back.
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=5)
        super().__init__(urls, partial(AiohttpTransport, limits=limits, trust_env=False))
        self.told: Counter[tuple[int, str]] = Counter()
        # What the slowest took in the race before.
        self._pace = 0.03

    async def insist(
        self, service: str, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> httpx.Response:
        """Ask again, with the same key, for as long as the answer says when."""
        headers = {"Idempotency-Key": key} if key else {}

        async def ask() -> httpx.Response:
            answer = await self[service].request(
                method, path, json=body, headers=headers, timeout=PATIENCE_SECONDS
            )
            self.told[answer.status_code, problem(answer)] += 1
            return answer

        answer = await insist(ask, seconds=PATIENCE_SECONDS)
        assert answer.status_code < 500, answer.text
        return answer

    async def race(self, *racers: Awaitable[httpx.Response]) -> list[httpx.Response]:
        """All of them at once, each so much sooner or later that it comes before, in the middle of
        and after the others, by turns."""

        async def start(racer: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
            await asyncio.sleep(random.uniform(0, 2 * self._pace))  # so much later than others
            began = time.monotonic()
            return await racer, time.monotonic() - began

        finished = await asyncio.gather(*map(start, racers))
        self._pace = min(max(seconds for _, seconds in finished), LONGEST_PACE_SECONDS)
        return [answer for answer, _ in finished]

    async def place(self, customer_id: str, cart_id: str) -> httpx.Response:
        body = {"customer_id": customer_id, "cart_id": cart_id}
        return await self.insist("order", "POST", "/orders", body, key=unique("order"))

    async def charge(self, order: Mapping[str, Any], card: str = "tok_ok") -> httpx.Response:
        body = {
            "order_id": order["order_id"],
            "amount": order["total"],
            "currency": order["currency"],
            "method": {"type": "card", "token": card},
        }
        return await self.insist("payment", "POST", "/payments", body, key=unique("pay"))

    async def try_card(self, order: Mapping[str, Any], card: str) -> httpx.Response:
        """As `charge`, by one who does not wait for an hour where too many were declined."""
        body = {
            "order_id": order["order_id"],
            "amount": order["total"],
            "currency": order["currency"],
            "method": {"type": "card", "token": card},
        }
        headers = {"Idempotency-Key": unique("pay")}

        async def ask() -> httpx.Response:
            answer = await self["payment"].post("/payments", json=body, headers=headers)
            if answer.status_code == 429:
                del answer.headers["retry-after"]
            return answer

        return await insist(ask, seconds=PATIENCE_SECONDS)

    async def refund(self, payment_id: str, **amount: str) -> httpx.Response:
        path = f"/payments/{payment_id}/refunds"
        return await self.insist("payment", "POST", path, amount, key=unique("refund"))

    async def cancel(self, order_id: str) -> httpx.Response:
        path = f"/orders/{order_id}/cancel"
        return await self.insist("order", "POST", path, {}, key=unique("cancel"))

    async def fulfil(self, order_id: str) -> httpx.Response:
        """The answer to who waits for it: not 202, but what the job came to."""
        body, key = {"order_id": order_id}, unique("fulfil")
        return await until(
            lambda: self.insist("fulfilment", "POST", "/fulfilments", body, key=key),
            lambda answer: answer.status_code != 202,
            seconds=PATIENCE_SECONDS,
        )


def problem(answer: httpx.Response) -> str:
    """The slug of the problem; empty if it is none."""
    if answer.is_success:
        return ""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("/problems/")


async def take_turns(what: str, turns: int, turn: Callable[[], Awaitable[object]]) -> None:
    """The same race again and again, a few at a time."""
    progress = Progress(what, turns)

    async def once(_: int) -> None:
        await turn()
        progress.advance()

    await at_once(TURNS_AT_ONCE, once, deque(range(turns)))
