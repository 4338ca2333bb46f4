"""The proxy tells messages apart, and sees what PostgreSQL commits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.polling import until

from .http_wire import Call, HttpWire
from .postgres_wire import PostgresWire, RoundTrip
from .proxy import Drop, Exchange, Link, Rule, Says, Slow, Stream
from .wired import socket_of, through

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n2;x=y\r\n, \r\n0\r\n\r\n"
)
COUNTED = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Log(Rule):
    """Keeps what it has seen go by."""

    seen: list[Exchange] = field(default_factory=list)

    async def delivered(self, exchange: Exchange) -> None:
        self.seen.append(exchange)


class Callee:
    """Says the same to everybody, and remembers what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._heard_out: list[asyncio.Task[None] | None] = []

    async def open(self) -> int:
        """Returns the port that it listens on."""
        self._server = await asyncio.start_server(self._answer_all, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Return once everybody has gone."""
        self._server.close()
        await asyncio.gather(*filter(None, self._heard_out))

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._heard_out.append(asyncio.current_task())
        while heard := await reader.read(65536):
            self.asked.append(heard)
            writer.write(self._answer)
        await Stream(reader, writer).close()


LinkTo = Callable[[Callee], Awaitable[Link]]


@pytest.fixture
async def link_to(port_base: int) -> AsyncIterator[LinkTo]:
    async with AsyncExitStack() as stack:

        async def make(callee: Callee) -> Link:
            port = await callee.open()

            async def connect() -> Stream:
                return Stream(*await asyncio.open_connection("127.0.0.1", port))

            link = Link("one", "other", port_base + 1, HttpWire, connect)
            await link.open()
            stack.push_async_callback(callee.close)
            stack.push_async_callback(link.close)
            return link

        yield make


async def ask(link: Link, path: str = "/orders") -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{link.port}", timeout=5) as client:
        return await client.post(path, json={"a": 1}, headers={"Idempotency-Key": "k"})


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [(CHUNKED, 200, b"yes, "), (COUNTED, 201, b"yes"), (EMPTY, 204, b"")],
)
async def test_whole_messages_pass(
    link_to: LinkTo, answer: bytes, status: int, body: bytes
) -> None:
    link = await link_to(Callee(answer))
    link.rule = log = Log()
    said = await ask(link)
    assert (said.status_code, said.content) == (status, body)
    (call,) = log.seen
    assert isinstance(call, Call)
    assert (call.status, call.body, call.key, call.answer) == (status, body, "k", answer)


async def test_a_route_names_nobody(link_to: LinkTo) -> None:
    link = await link_to(Callee(COUNTED))
    link.rule = log = Log()
    await ask(link, "/orders/01890a5d-ac96-774b-bcce-b302099a8057/cancel?x=y")
    assert [call.route for call in log.seen if isinstance(call, Call)] == ["POST-orders-id-cancel"]


class DropBefore(Rule):
    async def request(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        raise Drop()


class DropAfter(Rule):
    async def answer(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        raise Drop()


@pytest.mark.parametrize(("rule", "acted"), [(DropBefore(), 0), (DropAfter(), 1)])
async def test_what_is_dropped_is_not_heard(link_to: LinkTo, rule: Rule, acted: int) -> None:
    callee = Callee(COUNTED)
    link = await link_to(callee)
    link.rule = rule
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(link)
    assert len(callee.asked) == acted
    link.rule = Rule()
    assert (await ask(link)).status_code == 201


async def test_a_held_request_is_passed_on_although_its_caller_has_gone(link_to: LinkTo) -> None:
    callee = Callee(COUNTED)
    link = await link_to(callee)
    link.rule = Slow(requests=0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"GET /orders HTTP/1.1\r\n\r\n")
    writer.close()

    async def asked() -> list[bytes]:
        return callee.asked

    await until(asked)


async def test_an_answer_may_be_another_one(link_to: LinkTo) -> None:
    link = await link_to(Callee(COUNTED))
    link.rule = Says(b"no HTTP\r\n\r\n")
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(link)


async def test_a_closed_link_refuses_until_it_is_opened_again(link_to: LinkTo) -> None:
    link = await link_to(Callee(COUNTED))
    await link.close()
    with pytest.raises(httpx.ConnectError):
        await ask(link)
    await link.open()
    assert (await ask(link)).status_code == 201


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def session(postgres: str, port_base: int, log: Log) -> AsyncIterator[asyncpg.Connection]:
    """A session with a table of its own, by way of a link that is watched."""

    async def connect() -> Stream:
        return Stream(*await _connect(postgres))

    link = Link("service", "postgres", port_base + 1, PostgresWire, connect)
    await link.open()
    try:
        session = await asyncpg.connect(through(postgres, link.port))
        await session.execute("CREATE TEMPORARY TABLE kept (n int PRIMARY KEY)")
        link.rule = log
        yield session
        await session.close()
    finally:
        await link.close()


async def _connect(dsn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(dsn)
    if "%2F" in parts.netloc:
        return await asyncio.open_unix_connection(socket_of(dsn))
    return await asyncio.open_connection(parts.hostname, parts.port)


def committed(log: Log) -> list[list[str]]:
    """What was written in each transaction that PostgreSQL has said is committed."""
    trips = [each for each in log.seen if isinstance(each, RoundTrip)]
    assert all(each.may_commit for each in trips if each.committed)
    return [each.written for each in trips if each.committed]


INSERT = "INSERT INTO kept VALUES ($1) ON CONFLICT DO NOTHING RETURNING n"
WRITING_SELECT = "WITH gone AS (DELETE FROM kept RETURNING n) SELECT n FROM gone"


async def test_a_statement_by_itself_commits_if_it_writes(
    session: asyncpg.Connection, log: Log
) -> None:
    assert await session.fetchval(INSERT, 1) == 1
    assert await session.fetchval(INSERT, 1) is None
    assert await session.execute("UPDATE kept SET n = 2 WHERE n = 9") == "UPDATE 0"
    assert await session.fetch("SELECT n FROM kept FOR UPDATE")
    assert await session.fetch(WRITING_SELECT)
    assert committed(log) == [[INSERT], [WRITING_SELECT]]


async def test_a_transaction_commits_once_with_all_it_wrote(
    session: asyncpg.Connection, log: Log
) -> None:
    async with session.transaction():
        for n in (1, 2):
            await session.execute(INSERT, n)
        await session.fetch("SELECT n FROM kept")
    async with session.transaction():
        await session.fetch("SELECT n FROM kept")
    assert committed(log) == [[INSERT, INSERT]]


async def test_what_is_rolled_back_is_not_committed(session: asyncpg.Connection, log: Log) -> None:
    transaction = session.transaction()
    await transaction.start()
    await session.execute(INSERT, 1)
    await transaction.rollback()
    with pytest.raises(asyncpg.UniqueViolationError):
        async with session.transaction():
            await session.execute("INSERT INTO kept VALUES (1), (1)")
    assert committed(log) == []
