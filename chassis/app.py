"""Puts a service together: `app = create_app("cart", routes.router, peers=("order",))`."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from . import (
    audit_routes,
    auth,
    docs,
    handlers,
    health,
    idempotency,
    logs,
    openapi,
    parked,
    problem_pages,
    tracing,
)
from .admission import Limits
from .answers import AnswerHeaders
from .audit_log import table_of
from .bodies import WholeBody
from .cors import Cors
from .database import Database
from .dispatch import Dispatch
from .edge import Edge
from .hosts import LocalOnly
from .peers import Peers
from .queues import Queue, Queues
from .rates import RateHeaders, Rates, buckets_of
from .settings import Settings, load, with_peers
from .sweeps import Sweep, run


@dataclass(frozen=True)
class Context:
    """What a service works with: its settings, its database, its peers."""

    settings: Any
    database: Database
    peers: Peers


class ServiceApp(FastAPI):
    """A FastAPI application behind the edge."""

    service: str
    limits: Limits
    # What the server may ask before it begins with a request.
    edge: Edge | None = None
    rates: Rates
    cors: Cors
    local_only: LocalOnly | None = None
    # Whether its data belongs to people: then no cache may keep its answers.
    personal: bool
    # Where tests put their fake peers; None is the real network.
    peer_transport: httpx.AsyncBaseTransport | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # Past FastAPI, which would look each time whether its telemetry is switched on.
            await Starlette.__call__(self, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        served = Dispatch(self, self.state.routers, others=super().build_middleware_stack())
        answers = AnswerHeaders(self.cors, personal=self.personal)
        self.edge = Edge(served, service=self.service, limits=self.limits, answers=answers)
        self.edge.begin(self.local_only)
        return RateHeaders(WholeBody(self.edge), self.rates)

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = openapi.complete(super().openapi())
        return self.openapi_schema


def create_app(
    name: str,
    *routers: APIRouter,
    schema: str,
    home: Path,
    description: str | None = None,
    peers: Sequence[str] = (),
    sweeps: Sequence[Sweep] = (),
    queues: Sequence[Queue] = (),
    settings: type[Settings] = Settings,
    session: Mapping[str, str] | None = None,
    personal: bool = False,
) -> ServiceApp:
    """A service ready for a server to run.

    `name` is its stem, `schema` its PostgreSQL schema and `home` its folder; `peers` names the
    services that it calls (each adds a required `<NAME>_URL`), `sweeps` what it does in the
    background, `queues` what waits for that, `session` parameters of its PostgreSQL sessions.
    `personal`: its data belongs to people, and no cache may keep its answers.
    Nothing is opened and no variable is read before it starts.
    """
    app = ServiceApp(
        title=f"{name}Service",
        description=description or "",
        version=version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # docs.py serves it, with the address of the request as its server
        generate_unique_id_function=partial(openapi.operation_id, name),
        lifespan=_lifespan,
        redirect_slashes=False,
        # Spans are made where tracing is switched on, not by default on every request.
        telemetry={"tracing": False},
    )
    app.service = name
    app.limits = Limits()
    app.rates = Rates()
    app.cors = Cors()
    app.personal = personal
    app.state.settings_type = with_peers(settings, tuple(peers))
    app.state.peer_names = tuple(peers)
    app.state.sweeps = tuple(sweeps)
    app.state.queues = tuple(queues)
    app.state.session = session
    app.state.folder = home
    app.state.admitted = frozenset[str]().union(*(_admitted(router) for router in routers))
    app.state.idempotency_table = f"{schema}.{name}_idempotency_keys"
    app.state.audit_table = table_of(schema, name)
    app.state.routers = (*routers, audit_routes.router, health.router, problem_pages.router)
    if any(sweep.parked for sweep in sweeps):
        app.state.routers += (parked.router,)
    for router in app.state.routers:
        app.include_router(router)
    docs.serve(app)
    handlers.install(app)
    return app


def _admitted(router: APIRouter) -> Iterator[str]:
    for route in router.routes:
        yield from getattr(route, "admitted", ())


def version() -> str:
    return (Path(__file__).parent / "VERSION").read_text().strip()


@asynccontextmanager
async def _lifespan(app: ServiceApp) -> AsyncIterator[None]:
    state = app.state
    settings = load(state.settings_type, app.service)
    logs.configure(app.service, settings.log_level, settings.log_format)
    app.state.settings = settings
    tracing.start(app, settings.otel_exporter_otlp_endpoint)
    app.limits.in_flight = settings.max_in_flight
    app.limits.at_work = settings.max_at_work
    app.limits.request_timeout = settings.request_timeout
    app.cors.allow(settings.cors_origins)
    app.local_only = _local_only(app, settings)
    if app.edge:
        app.edge.begin(app.local_only)
    state.gate = auth.gate(app.service, settings, state.admitted, app.peer_transport)
    app.rates.buckets = buckets_of(settings.rate_limit, settings.rate_window)
    database = Database(
        settings.dsn,
        name=app.service,
        size=settings.database_pool_size,
        session=state.session,
    )
    urls = {peer: getattr(settings, f"{peer}_url") for peer in state.peer_names}
    peers = Peers(
        urls,
        timeout=settings.peer_timeout,
        transport=app.peer_transport,
        credentials=auth.credentials(app.service, settings, state.peer_names),
    )
    await database.open()
    state.database, state.peers = database, peers
    state.context = Context(settings, database, peers)
    state.unfinished = Queues(database, queues_of(app))
    state.health = health.Health(database, app.service, state.folder)
    tasks = [asyncio.create_task(run(sweep, state.context)) for sweep in _all_sweeps(app)]
    tasks.append(asyncio.create_task(state.health.prepare(settings.dsn)))
    try:
        yield
    finally:
        state.health.draining = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await peers.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(database.close(), 2)
        database.terminate()
        await tracing.stop(app)
        if app.edge:
            app.edge.end()
        logs.lines.flush()


def _local_only(app: ServiceApp, settings: Settings) -> LocalOnly | None:
    """The check of hosts and origins, with AUTH_MODE=dev; None with AUTH_MODE=enforce."""
    if settings.auth_mode != "dev":
        return None
    return LocalOnly(app.cors, [*settings.allowed_hosts, settings.bind_address or "localhost"])


def _all_sweeps(app: ServiceApp) -> list[Sweep]:
    table = app.state.idempotency_table

    async def forget(context: Context) -> int:
        return await idempotency.forget_old_keys(context.database, table)

    return [*app.state.sweeps, Sweep("old-idempotency-keys", forget, every=60)]


def queues_of(app: ServiceApp) -> list[Queue]:
    """What waits for its sweeps, and for a person where they have tried in vain."""
    given_up = [
        Queue(f"{sweep.name}-parked", f"SELECT since FROM ({sweep.parked.rows}) parked")  # noqa: S608  # a constant of the service
        for sweep in app.state.sweeps
        if sweep.parked
    ]
    overdue = idempotency.overdue_keys(app.state.idempotency_table)
    return [*app.state.queues, *given_up, overdue]


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _peers(request: Request) -> Peers:
    peers: Peers = request.app.state.peers
    return peers


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Db = Annotated[Database, Depends(_database)]
PeersOf = Annotated[Peers, Depends(_peers)]
ContextOf = Annotated[Context, Depends(_context)]


def load_app(folder: str) -> ServiceApp:
    """The application of a service's folder, such as `cartService`."""
    app: ServiceApp = import_module(f"{folder}.app.main").app
    return app
