"""Is the process alive, can this service serve, and what does it count."""

import asyncio
from pathlib import Path

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from . import metrics, schema
from .context import RequestContext, enter
from .database import ANY_FAILURE, POSTGRESQL, Database, state
from .fields import Output
from .logs import log
from .openapi import refusals
from .problems import Problem

READY_SECONDS = 1.0
RETRY_SECONDS = 0.5

# With any of these off, a crash takes answers back that a client has already had.
AT_RISK = """
SELECT name FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
"""

router = APIRouter(tags=["operations"])


class Alive(Output):
    status: str
    version: str
    """Of the fleet."""


class NotReady(Problem, status=503, retry_after=1):
    """This service cannot serve now; the member checks names what is wrong.

    Wait until the dependencies that `checks` names are back.
    """

    checks: dict[str, str]
    """What was looked at, and how it is."""


class Ready(Output):
    """`checks` names what was looked at."""

    status: str
    checks: dict[str, str]
    """What was looked at, and how it is."""


class Health:
    """Tells whether this service itself can serve. It never asks peers: one service that is
    away must not make the others look broken."""

    def __init__(self, database: Database, service: str, folder: Path | None) -> None:
        self.draining = False
        self._warned = False
        self._database = database
        self._service = service
        self._folder = folder

    async def prepare(self, dsn: str) -> None:
        """As soon as PostgreSQL is there: bring our own schema up where our role may, and tell
        at once whether what we write is safe."""
        done = await self._prepared(dsn)
        while not done:
            await asyncio.sleep(RETRY_SECONDS)  # PostgreSQL tells nobody that it has come
            done = await self._prepared(dsn)

    async def _prepared(self, dsn: str) -> bool:
        enter(RequestContext())
        try:
            if self._folder is not None:
                await schema.bring_own_up(dsn, self._folder)
            await self.durability()
        except schema.SchemaError as error:
            log.error("schema", why=str(error))
        except ANY_FAILURE as error:
            log.warning("waiting for postgresql", why=str(error) or type(error).__name__)
            return False
        return True

    async def checks(self) -> dict[str, str]:
        found = {POSTGRESQL: "ok", "schema": "ok", "process": "ok"}
        if self.draining:
            found["process"] = "stopping"
        found[POSTGRESQL] = await state(self._database, READY_SECONDS)
        if found[POSTGRESQL] != "ok":
            return {**found, "schema": "unknown"}
        if not await self._schema_is_current():
            found["schema"] = "missing, or of another version"
        return found

    async def durability(self) -> str:
        """`ok`, or what is switched off. No reason not to serve: a test server is meant so."""
        off = ", ".join(row["name"] for row in await self._database.fetch(AT_RISK))
        if off and not self._warned:
            self._warned = True
            log.warning("POSTGRESQL MAY LOSE WHAT IT HAS ACKNOWLEDGED", switched_off=off)
        return f"off: {off}" if off else "ok"

    async def _schema_is_current(self) -> bool:
        if self._folder is None:
            return True
        try:
            applied = await self._database.fetchval(
                "SELECT checksum FROM fleet.schema_versions WHERE service = $1", self._service
            )
        except asyncpg.PostgresError:
            return False
        return bool(applied == schema.checksum_of(self._folder))


@router.get("/livez")
async def livez(request: Request) -> Alive:
    """The process runs."""
    return Alive(status="alive", version=request.app.version)


@router.get("/readyz", responses=refusals(NotReady))
async def readyz(request: Request) -> Ready:
    """This service can serve; otherwise 503, naming what cannot."""
    checks = await request.app.state.health.checks()
    if any(found != "ok" for found in checks.values()):
        wrong = [f"{name} {found}" for name, found in checks.items() if found != "ok"]
        raise NotReady("; ".join(wrong), checks=checks)
    checks["durability"] = await request.app.state.health.durability()
    return Ready(status="ready", checks=checks)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(request: Request) -> Response:
    """Counters, gauges and histograms in Prometheus' text format."""
    await request.app.state.unfinished.measure()
    return metrics.page()
