"""A good client of the fleet: what time may mend it asks again, with the same key, for a while."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from .failure import Failure

PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: its status, and its JSON."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def problem(self) -> str:
        """The slug of the problem; empty if it is none."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).removeprefix("/problems/")

    @property
    def may_pass(self) -> bool:
        """Whether the service asks to be asked again: it is busy, or the first try still runs."""
        return self.status == 503 or (self.status == 409 and self.retry_after is not None)


class Client:
    """Asks services by name, and is patient with those that are busy or being restarted."""

    def __init__(
        self,
        urls: Mapping[str, str],
        http: httpx.AsyncClient,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.urls = urls
        self._http = http
        self._patience = patience

    async def ask(
        self, method: str, service: str, path: str, body: Any = None, key: str | None = None
    ) -> Answer:
        """The answer, refusals included. A POST that must not happen twice needs a `key`.

        Raises Failure when there is none within our patience, or when we are not known there.
        """
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            answer = await self._try(method, self.urls[service] + path, body, key)
            pause = _pause(attempt, answer.retry_after if answer else None)
            if answer and answer.status == 401:
                raise Failure(_not_known(service))
            if answer and not answer.may_pass:
                return answer
            if time.monotonic() + pause > deadline:
                raise Failure(self._gave_up(service, answer))
            await asyncio.sleep(pause)  # as it asked to, with jitter; `patience` bounds all
            attempt += 1

    async def _try(self, method: str, url: str, body: Any, key: str | None) -> Answer | None:
        headers = {"Idempotency-Key": key} if key else {}
        try:
            response = await self._http.request(method, url, json=body, headers=headers)
        except httpx.TransportError:
            return None
        try:
            said = response.json() if response.content else None
        except ValueError:
            said = response.text
        return Answer(response.status_code, said, _seconds(response.headers.get("retry-after")))

    def _gave_up(self, service: str, answer: Answer | None) -> str:
        where = f"{service} at {self.urls[service]}"
        if answer is None:
            return f"{where} has not answered for {self._patience:.0f} s."
        return f"{where} has refused for {self._patience:.0f} s: {answer.status} {answer.problem}."


@asynccontextmanager
async def connected(
    urls: Mapping[str, str], patience: float = PATIENCE_SECONDS
) -> AsyncIterator[Client]:
    """A client for as long as the block lasts. Raises Failure when a service does not answer."""
    # Idle connections go before the servers close them, which would look like a failed call.
    limits = httpx.Limits(max_connections=100, keepalive_expiry=5)
    transport = AiohttpTransport(limits=limits, trust_env=False)
    async with httpx.AsyncClient(
        transport=transport, timeout=ANSWER_SECONDS, trust_env=False, headers=_token()
    ) as http:
        await _refuse_absent(urls, http)
        yield Client(urls, http, patience)


def _token() -> dict[str, str]:
    """What TOKEN holds, for a fleet that asks for one."""
    return {"Authorization": f"Bearer {token}"} if (token := os.environ.get("TOKEN")) else {}


def _not_known(service: str) -> str:
    if os.environ.get("TOKEN"):
        return f"{service} does not believe TOKEN: it may have ended, or be of another issuer."
    return (
        f"{service} asks for a token. Show one in TOKEN: under make up, "
        "TOKEN=$(make token ROLE=staff); elsewhere, one of the provider's."
    )


async def _refuse_absent(urls: Mapping[str, str], http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(http.get(f"{url}/livez") for url in urls.values()), return_exceptions=True
    )
    absent = [
        f"{name} ({url})"
        for (name, url), answer in zip(urls.items(), answers, strict=True)
        if isinstance(answer, BaseException) or not answer.is_success
    ]
    if absent:
        raise Failure(
            f"No answer from {', '.join(absent)}.\n"
            "Start the fleet first: make up, or docker compose up. "
            "If it listens on other ports, name them: PORT_BASE=9000 …"
        )


def _pause(attempt: int, asked_for: float | None) -> float:
    """With jitter, so that shoppers who failed together do not return together."""
    longest = min(0.1 * 2**attempt, LONGEST_PAUSE_SECONDS)
    return (asked_for or 0) + random.uniform(longest / 2, longest)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
