"""The fleet's own audit, in process, as often as PostgreSQL lets us in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import asyncpg

from fleet import audit
from fleet.audit import Finding, Invariant
from fleet.failure import Failure

T = TypeVar("T")

AWAY = (Failure, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
# The audit gives unfinished work this long before it calls it stuck.
GRACE = "interval '10 seconds'"


class Auditor:
    """Asks again while the server is down; counts the audits that went through."""

    def __init__(self, dsn: str) -> None:
        self.audits = 0
        self._dsn = dsn

    async def always(self) -> list[str]:
        """What is broken of what holds at every instant."""
        return await self._check(audit.safety())

    async def everything(self) -> list[str]:
        """That, and what nobody has swept up in time."""
        return await self._check([*audit.safety(), *audit.liveness()])

    async def unfinished(self) -> list[str]:
        """What is still under way, however recently it was begun."""
        return await self._check([_without_grace(each) for each in audit.liveness()])

    async def read(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Some other look at the tables."""
        db = await asyncpg.connect(self._dsn, timeout=5)
        try:
            return await work(db)
        finally:
            await db.close()

    async def _check(self, invariants: Sequence[Invariant]) -> list[str]:
        while True:
            try:
                async with asyncio.timeout(60):
                    findings = await audit.audit(self._dsn, invariants)
            except AWAY:
                await asyncio.sleep(0.2)  # PostgreSQL is being killed just now
                continue
            self.audits += 1
            return [_told(finding) for finding in findings if finding.violations]


def _without_grace(invariant: Invariant) -> Invariant:
    return replace(invariant, query=invariant.query.replace(GRACE, "interval '0 seconds'"))


def _told(finding: Finding) -> str:
    examples = [{k: str(v) for k, v in row.items()} for row in finding.examples]
    return f"{finding.invariant.name}: {finding.invariant.statement} {examples}"
