"""Checks every invariant of the shop, over all schemas at once: `python -m fleet.audit`.

The invariants stand in `invariants/*.sql`, one query each: the rows it returns are violations.
All of them look at the same snapshot, by a role that may read everything and write nothing.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

from chassis.secrets import secret, with_password

from . import console, database, deployment, instance, passwords
from .failure import Failure
from .up import DATABASE

INVARIANTS = Path(__file__).with_name("invariants")
LIVENESS = INVARIANTS / "liveness.sql"

# `-- name: what is always true,` on the first line, more comment if need be, and the query.
PARAGRAPH = re.compile(
    r"^-- (?P<name>[a-z-]+): (?P<statement>.+(?:\n-- .+)*)\n(?P<query>[^;]+);", re.MULTILINE
)
# The role's usual bounds are for services, which never read everything, and take their next step
# at once. An audit that is stopped for longer than its own holds back what PostgreSQL clears away.
BOUNDS = """
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
"""
LOOK = "SELECT count(*) OVER () AS violations, broken.* FROM ({}) broken LIMIT 5"


class Unreachable(Failure):
    """No audit, because there is no way into the database."""


@dataclass(frozen=True)
class Invariant:
    """Something that is always true, and the query for where it is not."""

    name: str
    statement: str
    query: str


@dataclass(frozen=True)
class Finding:
    """How often an invariant is broken, with the first few places."""

    invariant: Invariant
    violations: int
    examples: Sequence[Mapping[str, Any]]


def read(file: Path) -> list[Invariant]:
    found = PARAGRAPH.finditer(file.read_text(encoding="utf-8"))
    return [
        Invariant(each["name"], each["statement"].replace("\n--", ""), each["query"])
        for each in found
    ]


def safety() -> list[Invariant]:
    """What is true at every instant, whatever has just failed."""
    files = sorted(set(INVARIANTS.glob("*.sql")) - {LIVENESS})
    return [invariant for file in files for invariant in read(file)]


def liveness() -> list[Invariant]:
    """What becomes true again, within seconds of the last failure."""
    return read(LIVENESS)


async def check(db: asyncpg.Connection, invariants: Iterable[Invariant]) -> list[Finding]:
    """What is found in one snapshot of everything."""
    async with db.transaction(isolation="repeatable_read", readonly=True):
        await db.execute(BOUNDS)
        return [await look(db, invariant) for invariant in invariants]


async def look(db: asyncpg.Connection, invariant: Invariant) -> Finding:
    rows = [dict(row) for row in await db.fetch(LOOK.format(invariant.query))]
    violations = rows[0]["violations"] if rows else 0
    return Finding(invariant, violations, rows)


def auditor_url(environ: Mapping[str, str]) -> str:
    """The database of the fleet that runs on this machine, as the auditor sees it."""
    if given := environ.get("AUDIT_DATABASE_URL"):
        return _with_password(given)
    settings = instance.settings_now(environ)
    if not instance.find(settings.data_dir):
        return _composed(environ)
    password = passwords.load(settings.data_dir, ["auditor"])["auditor"]
    return database.dsn_for(deployment.superuser_dsn(settings), "auditor", password)


def _with_password(dsn: str) -> str:
    """A container has the password in a file, and not in the URL."""
    try:
        return dsn if urlsplit(dsn).password else with_password(dsn, secret("AUDITOR_DB_PASSWORD"))
    except KeyError:
        return dsn


def _composed(environ: Mapping[str, str]) -> str:
    password = quote(environ.get("AUDITOR_DB_PASSWORD") or "auditor", safe="")
    port = environ.get("POSTGRES_PORT") or "5432"
    return f"postgresql://auditor:{password}@127.0.0.1:{port}/{DATABASE}"


async def audit(dsn: str, invariants: Sequence[Invariant]) -> list[Finding]:
    """Raises Failure when the database cannot be read, Unreachable when it does not let us in."""
    try:
        db = await asyncpg.connect(dsn, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise Unreachable(
            f"The audit cannot reach the database: {str(error) or 'no answer'}.\n"
            "Does the fleet run? Another database can be named: AUDIT_DATABASE_URL=postgresql://…"
        ) from error
    try:
        return await check(db, invariants)
    except asyncpg.UndefinedTableError as error:
        raise Failure(f"This is not the fleet's database: {error}.") from error
    finally:
        await db.close()


def tell(title: str, findings: Sequence[Finding], width: int) -> None:
    before = len(mark(holds=True)) + 1 + width
    console.say(f"  {title:{before}} VIOLATIONS  INVARIANT", console.BOLD)
    for finding in findings:
        holds = not finding.violations
        line = f"{finding.invariant.name:{width}} {finding.violations:10}"
        style = "" if holds else console.RED
        console.say(f"  {mark(holds)} {line}  {finding.invariant.statement}", style)
        for row in finding.examples:
            members = (f"{name}={value}" for name, value in row.items() if name != "violations")
            console.say(f"      {', '.join(members)}", console.DIM)
    console.say("")


def mark(holds: bool) -> str:
    if sys.stdout.isatty() and "utf" in (sys.stdout.encoding or "").lower():
        return "✓" if holds else "✗"
    return "ok    " if holds else "BROKEN"


def run(environ: Mapping[str, str], *, safety_only: bool = False) -> bool:
    """Check, and tell what was found; whether everything holds. Raises Failure."""
    now = safety()
    soon = [] if safety_only else liveness()
    try:
        findings = asyncio.run(audit(auditor_url(environ), [*now, *soon]))
    except Unreachable:
        if not environ.get("AUDIT_DATABASE_URL"):
            deployment.find(environ)  # says so where nothing runs
        raise
    width = max(len(finding.invariant.name) for finding in findings)
    tell("Always", findings[: len(now)], width)
    if soon:
        tell("Within seconds", findings[len(now) :], width)
    broken = sum(finding.violations > 0 for finding in findings)
    verdict = f"{broken} of {len(findings)} invariants are broken."
    console.say(verdict, console.RED if broken else console.GREEN)
    return broken == 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.audit", description=__doc__)
    parser.add_argument("--safety-only", action="store_true", help="leave out unfinished work")
    chosen = parser.parse_args(arguments)
    try:
        return 0 if run(os.environ, safety_only=chosen.safety_only) else 1
    except Failure as failure:
        console.complain(str(failure))
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
