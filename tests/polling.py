"""Asking again: for what tells nobody when it comes, or as one is told to."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T]], holds: Callable[[T], object] = bool, *, seconds: float = 10
) -> T:
    """What a look finds, once this holds of it. Fails, with what was found last, where it still
    does not after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds(found := await look()):
        assert time.monotonic() < deadline, f"still not after {seconds} s: {found}"
        await asyncio.sleep(0.02)  # between two looks
    return found


async def insist(
    ask: Callable[[], Awaitable[httpx.Response]], *, seconds: float = 20
) -> httpx.Response:
    """The answer to a client that comes back as long as it is told when; somewhat later, for others
    may have been told the same. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            answer = await ask()
            again = answer.headers.get("retry-after")
            if again is None:
                return answer
            await asyncio.sleep(float(again) * random.uniform(1, 1.5))  # what such a client does
