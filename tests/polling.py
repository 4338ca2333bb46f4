"""Looking again and again, for what tells nobody when it comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

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
