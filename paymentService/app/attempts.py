"""How soon unfinished work is taken up again, and what happens when that does not help.

A claim pushes the row's next attempt into the future: that is its lease while somebody works on
it, and the pause after a failure. A row that many attempts did not finish is parked: still
tried, less often, and shown by its column `parked`, a log line and the sweep's metric.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from asyncpg import Record

from chassis import Context, Problem, metrics, resumed
from chassis.logs import log

# Seconds after the first attempt, the second, and so on; the last one goes for all that follow.
# A provider or an order service that returns within a minute and a half finds us waiting.
PAUSES = (*[1.5] * 12, *[5.0] * 12, 30.0)
PARKED_AFTER = len(PAUSES) - 1

# Longer than the provider is waited for, by what it takes to write the outcome down.
MARGIN_SECONDS = 0.5


def lease(context: Context) -> float:
    """Seconds for which a row is left to whoever has just taken it up."""
    return float(context.settings.provider_timeout + MARGIN_SECONDS)


def pauses(context: Context) -> list[float]:
    return [max(pause, lease(context)) for pause in PAUSES]


async def take_up(
    sweep: str, rows: Sequence[Record], work: Callable[[Record], Awaitable[object]]
) -> int:
    """Work on claimed rows, all at once: one that fails stops no other. Returns their number."""

    async def resume(row: Record) -> None:
        with resumed(sweep, row["traceparent"]):
            await work(row)

    results = await asyncio.gather(*(resume(row) for row in rows), return_exceptions=True)
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, Exception):
            # Only a problem's text is ours: a database error quotes the row, token and all.
            why = str(result) if isinstance(result, Problem) else type(result).__name__
            log.warning("attempt failed", sweep=sweep, payment_id=row["payment_id"], why=why)
        if row["attempts"] == PARKED_AFTER:
            metrics.swept(sweep, "parked", 1)
            log.error("parked", sweep=sweep, payment_id=row["payment_id"], attempts=PARKED_AFTER)
    return len(rows)
