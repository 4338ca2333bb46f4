"""What the services of the floor share: a pool, a client, and JSON as cheap as it comes."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import asyncpg
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# In place of the trace that a request belongs to: the floor has none.
TRACE = "00-" + 32 * "1" + "-" + 16 * "1" + "-00"
# As many as a service of the fleet has.
POOL_SIZE = 8

# Nobody is asked for a token here, and every row is found.
ANYBODY = None


class Peer:
    """Another service of the floor, which always answers well."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Raises aiohttp.ClientError for a refusal too: the floor knows no problems."""
        data = None if body is None else dumped(body)
        async with self._session.request(
            method, self._url + path, data=data, raise_for_status=True
        ) as answer:
            return json.loads(await answer.read())


def service(*routes: Route, peers: Sequence[str] = ()) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=64)
        jar = aiohttp.DummyCookieJar()
        async with (
            pool() as app.state.db,
            aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session,
        ):
            urls = {peer: os.environ[f"{peer.upper()}_URL"] for peer in peers}
            app.state.peers = {peer: Peer(session, url) for peer, url in urls.items()}
            yield

    return Starlette(routes=[*routes, Route("/readyz", _ready)], lifespan=lifespan)


def pool() -> AbstractAsyncContextManager[asyncpg.Pool]:
    return asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=0, max_size=POOL_SIZE, reset=_keep_session
    )


async def _keep_session(_: asyncpg.Connection) -> None:
    """As the services do: the round trip that would reset it is saved."""


async def _ready(_: Request) -> Response:
    return Response()


def db_of(request: Request) -> asyncpg.Pool:
    found: asyncpg.Pool = request.app.state.db
    return found


def peers_of(request: Request) -> dict[str, Peer]:
    found: dict[str, Peer] = request.app.state.peers
    return found


@asynccontextmanager
async def unit_of_work(request: Request) -> AsyncIterator[PoolConnectionProxy]:
    async with db_of(request).acquire() as connection, connection.transaction():
        yield connection


async def body_of(request: Request) -> Any:
    return json.loads(await request.body())


def answer(body: Any, status: int = 200) -> Response:
    return Response(dumped(body), status, media_type="application/json")


def dumped(body: Any) -> bytes:
    return json.dumps(body, default=str).encode()


def major(minor: int) -> str:
    """All that the benchmarks sell costs euros."""
    return f"{minor // 100}.{minor % 100:02d}"


def minor(amount: str) -> int:
    return int(amount.replace(".", ""))


def entries(written: str, *names: str) -> list[dict[str, Any]]:
    """A history, or the like, out of the row that it stands in as JSON."""
    return [{name: entry[name] for name in names} for entry in json.loads(written)]


def trace_id(row: Record) -> str:
    found: str = row["traceparent"][3:35]
    return found
