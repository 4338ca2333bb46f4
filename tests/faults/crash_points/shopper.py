"""A client that does not give up, and says the same again, with the same key, until it is told."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from tests.shop import unique

# Less than a service takes at most, so that the next attempt meets the one before.
TIMEOUT_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 0.3


class Wrong(Exception):
    """Something that must not be."""


class Shopper:
    """Sends the steps of a purchase, and looks at what came of them."""

    def __init__(self, http: httpx.AsyncClient, urls: Mapping[str, str]) -> None:
        self._name = unique("shopper")
        self._urls = urls
        self._http = http
        self._done: list[tuple[str, str, Any, str]] = []

    async def post(self, step: str, service: str, path: str, body: Any) -> Any:
        """The JSON of a step that has to succeed; `step` makes its key. Raises Wrong."""
        answer = await self.ask(step, service, path, body)
        if answer.status_code not in (200, 201):
            raise Wrong(f"{step} was refused: {answer.status_code} {answer.text}")
        self._done.append((step, service, path, body))
        return answer.json()

    async def ask(self, step: str, service: str, path: str, body: Any) -> httpx.Response:
        """What is said to a step in the end. Raises Wrong when that takes too long."""
        headers = {"Idempotency-Key": f"{self._name}-{step}"}
        return await self._insist("POST", service, path, json=body, headers=headers)

    async def get(self, service: str, path: str) -> Any:
        """The JSON of something that must be there. Raises Wrong."""
        answer = await self._insist("GET", service, path)
        if answer.status_code != 200:
            raise Wrong(f"{path} is not to be had: {answer.status_code} {answer.text}")
        return answer.json()

    async def set_stock(self, sku: str, quantity: int) -> None:
        await self._insist("PUT", "warehouse", f"/stock/{sku}", json={"quantity": quantity})

    async def repeat_all(self) -> None:
        """Every step again, as a client does that has forgotten. Raises Wrong if one has effect."""
        for step, service, path, body in self._done:
            answer = await self.ask(step, service, path, body)
            if "idempotent-replayed" not in answer.headers:
                raise Wrong(f"{step}, repeated, was no replay: {answer.status_code} {answer.text}")

    async def _insist(self, method: str, service: str, path: str, **rest: Any) -> httpx.Response:
        url, last = self._urls[service] + path, "nothing"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    answer = await self._try(method, url, **rest)
                    if answer is not None:
                        if "retry-after" not in answer.headers:
                            return answer
                        last = f"{answer.status_code} {answer.text}"
                    await asyncio.sleep(_pause(answer))  # as it was told; the timeout bounds all
        except TimeoutError:
            raise Wrong(f"{method} {path} was not answered; last: {last}") from None

    async def _try(
        self, method: str, url: str, seconds: float = TIMEOUT_SECONDS, **rest: Any
    ) -> httpx.Response | None:
        try:
            return await self._http.request(method, url, timeout=seconds, **rest)
        except httpx.TransportError:
            return None


class Gone(Exception):
    """The customer got no answer, and has left."""


class Leaver(Shopper):
    """Tries each step once, and is not heard of again when that does not get an answer."""

    async def repeat_all(self) -> None:
        """Not this one."""

    async def _insist(self, method: str, service: str, path: str, **rest: Any) -> httpx.Response:
        """Raises Gone."""
        answer = await self._try(method, self._urls[service] + path, PATIENCE_SECONDS, **rest)
        if answer is None or answer.status_code == 503:
            raise Gone()
        return answer


def _pause(answer: httpx.Response | None) -> float:
    asked = float(answer.headers["retry-after"]) if answer is not None else 0.1
    return min(asked, LONGEST_PAUSE_SECONDS)
