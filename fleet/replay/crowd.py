"""Many at a time, each in its turn."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..failure import Failure

Thing = TypeVar("Thing")


async def at_once(
    many: int, work: Callable[[Thing], Awaitable[None]], waiting: deque[Thing]
) -> None:
    """Work on what is waiting, `many` at a time, until nothing is; `work` may add to it.

    Raises the first Failure of any of them; the others are stopped then.
    """

    async def worker() -> None:
        while waiting:
            await work(waiting.popleft())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(many):
                group.create_task(worker())
    except* Failure as failures:
        raise failures.exceptions[0] from None
