"""Asks as people do: impatiently, again and again, with the same key, sometimes twice at once."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from .log import Effect, Log, Reply, Request

PATIENCE_SECONDS = 90.0
# A service answers within five seconds; some people do not wait for that.
TIMEOUTS = (0.5, 2.0, 7.0, 7.0)
DOUBLE_CLICKS = 0.06
# An erased customer's answers are erased, too: what made them makes another one.
FORGETFUL = ("customer",)


class Refused(Exception):
    """An answer that the model does not expect; it stands in the log, so this only ends a visit."""


class GaveUp(Exception):
    """Nobody gave a lasting answer for very long."""


class Caller:
    """One person's way to the services. All that they choose, `dice` choose."""

    def __init__(
        self, urls: Mapping[str, str], http: httpx.AsyncClient, log: Log, dice: Random
    ) -> None:
        self.log = log
        self.dice = dice
        self._urls = urls
        self._http = http

    def rolling(self, seed: str) -> "Caller":
        """The same with dice of their own, so that nobody's choices hang on another's luck."""
        return Caller(self._urls, self._http, self.log, Random(seed))

    async def ask(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        effect: Effect | None = None,
        fine: Iterable[str] = (),
    ) -> Reply:
        """The lasting answer: a success, or a refusal that is `fine`.

        Raises Refused for another refusal, GaveUp when there is no answer.
        """
        request = Request(method, service, path, body, key, effect, frozenset(fine))
        return await self.insist(self.log.add(request))

    async def insist(self, request: Request) -> Reply:
        """Ask until there is a lasting answer, perhaps to a request that has had one. As `ask`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    replies = await self._attempt(request)
                    if lasting := [reply for reply in replies if reply.lasting]:
                        return _judged(request, lasting[0])
                    asked_for = max((reply.retry_after or 0 for reply in replies), default=0)
                    pause = asked_for * self.dice.random() + self.dice.uniform(0.05, 0.3)
                    await asyncio.sleep(pause)  # as it was told, or sooner; the timeout bounds all
        except TimeoutError:
            request.given_up = True
            raise GaveUp(str(request)) from None

    async def _attempt(self, request: Request) -> list[Reply]:
        """Now and then it is a double click."""
        together = 2 if request.key and self.dice.random() < DOUBLE_CLICKS else 1
        tries = [self._try(request, self.dice.choice(TIMEOUTS)) for _ in range(together)]
        return [reply for reply in await asyncio.gather(*tries) if reply]

    async def replay_late(self) -> None:
        """Send something again that was answered long ago, to anybody."""
        request = self.dice.choice(self.log.requests)
        if request.key and request.acknowledged and request.service not in FORGETFUL:
            await self.insist(request)

    async def glance(self, request: Request, seconds: float) -> None:
        """One attempt, and never mind what comes of it."""
        await self._try(self.log.add(request), seconds)

    async def _try(self, request: Request, seconds: float) -> Reply | None:
        request.attempts += 1
        sent = self.log.tick()
        try:
            response = await self._http.request(
                request.method,
                self._urls[request.service] + request.path,
                json=request.body,
                headers={"Idempotency-Key": request.key} if request.key else {},
                timeout=seconds,
            )
        except httpx.TransportError:
            return None
        asked_for = response.headers.get("retry-after")
        reply = Reply(
            status=response.status_code,
            body=response.content,
            sent=sent,
            got=self.log.tick(),
            replayed="idempotent-replayed" in response.headers,
            retry_after=float(asked_for) if asked_for else None,
        )
        request.replies.append(reply)
        self.log.successes += reply.ok
        return reply


def _judged(request: Request, reply: Reply) -> Reply:
    if reply.ok or reply.problem in request.fine:
        return reply
    raise Refused(f"{request}: {reply.status} {reply.problem}")


@asynccontextmanager
async def calling(urls: Mapping[str, str], log: Log, seed: str) -> AsyncIterator[Caller]:
    limits = httpx.Limits(max_connections=200, keepalive_expiry=2)
    transport = AiohttpTransport(limits=limits, trust_env=False)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        yield Caller(urls, http, log, Random(seed))
