"""Requests as bytes on a connection: what is cut, doubled, misspelt or contradicts itself there.

Each round sends a mangled request and after it, on the same connection, one that asks for `/livez`
under an id of its own. Whatever the server makes of the first one, it says so in HTTP, does not
break, and never answers one caller with what another asked for.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import uvicorn

from chassis.app import ServiceApp
from chassis.server import configured
from tests.polling import until

# The longest that a server waits for somebody who has stopped sending.
PATIENCE_SECONDS = 8.0

HOST = b"Host: 127.0.0.1"
JSON = b"Content-Type: application/json"

TARGETS = (
    b"/livez", b"/nowhere", b"*", b"", b"//", b"http://127.0.0.1/livez", b"127.0.0.1:80", b"?x=1",
    b"/livez?x=%ff", b"/livez#x", b"/\xc3\xa9", b"/%", b"/\x00", b"/a b", b"/" + b"a" * 70_000,
)  # fmt: skip
METHODS = (
    b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"CONNECT", b"TRACE",
    b"get", b"PRI", b"X" * 300, b"", b"G\x00T", b"PROPFIND",
)  # fmt: skip
VERSIONS = (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.9", b"HTCPCP/1.0", b"")
FIELDS = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
    b"Connection: upgrade\r\nUpgrade: websocket",
    b"Connection: Upgrade",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade\r\nUpgrade: foo",
    b"Expect: 100-continue",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: xchunked, chunked",
    b"Content-Length: 5",
    b"Content-Length: +5",
    b"Content-Length: 5, 5",
    b"Content-Length: 99999999999999999999",
    b"Host: elsewhere",
    b"Authorization: Bearer x",
    b"Authorization: Bearer x\r\nAuthorization: Bearer y",
    b"Content-Type: text/plain",
    b"Content-Encoding: gzip",
    b"If-Match: *",
    b"Cookie: " + b"a=b; " * 2000,
    b" folded: line",
    b"No colon",
    b": no name",
    b"X-\x00: y",
    b"X-Evil: a\rb",
    b"X-Long: " + b"x" * 20_000,
)  # fmt: skip
BODIES = (b"", b"{}", b"1.5", b"{" * 50, b'{"a": "\xff"}', b"5\r\nhello\r\n0\r\n\r\n", b"x" * 5000)
SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: smuggled\r\n\r\n"

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass
class Report:
    """How many rounds there were, what statuses came, and what is wrong."""

    rounds: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items()))
        return f"{self.rounds:,} connections; {found}; {len(self.failures)} failures"


@asynccontextmanager
async def listening(app: ServiceApp) -> AsyncIterator[int]:
    """The port on which an application that runs already is served."""
    config = configured(app, host="127.0.0.1", port=0, log_config=None, log_level="critical")
    config.lifespan = "off"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await until(partial(asyncio.to_thread, getattr, server, "started"))
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def fuzz_sockets(app: ServiceApp, rounds: int, seed: int) -> Report:
    chance = random.Random(seed)
    report = Report()
    async with listening(app) as port:
        gate = asyncio.Semaphore(16)

        async def one(sent: list[bytes], own: bytes) -> None:
            async with gate:
                answer = await exchange(port, sent)
            note(report, answer, b"".join(sent), own)

        await asyncio.gather(
            *(one(mangled(chance, own), own) for own in (b"own-%d" % n for n in range(rounds)))
        )
    return report


def mangled(chance: random.Random, own: bytes) -> list[bytes]:
    """A request, in as many segments as it is sent in, and the next one behind it."""
    some = chance.choices(FIELDS, k=chance.choice((0, 0, 1, 1, 1, 2)))
    body = chance.choice(BODIES)
    if chance.random() < 0.5:
        some.append(b"Content-Length: %d" % len(body))
    if chance.random() < 0.2:
        body += SMUGGLED
    lines = [
        b" ".join(_now_and_then(chance, each) for each in (METHODS, TARGETS, VERSIONS)),
        *([HOST] if chance.random() < 0.95 else []),
        JSON,
        *some,
    ]
    end = chance.choice((b"\r\n",) * 9 + (b"\n",))
    head = end.join(lines) + end + end
    if chance.random() < 0.05:
        head = head[: chance.randrange(len(head))]
    following = b"GET /livez HTTP/1.1\r\n%b\r\nX-Request-ID: %b\r\nConnection: close\r\n\r\n" % (
        HOST,
        own,
    )
    sent = head + body
    cut = chance.choice((len(head), len(sent), chance.randrange(len(sent) + 1)))
    return [part for part in (sent[:cut], sent[cut:], following) if part]


def _now_and_then(chance: random.Random, words: tuple[bytes, ...]) -> bytes:
    """One of the first few, which are right, or sometimes any."""
    return chance.choice(words if chance.random() < 0.2 else words[:2])


async def exchange(port: int, sent: list[bytes]) -> bytes | None:
    """All that comes back until the connection ends; None where it does not end in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with suppress(ConnectionError):  # it may have heard enough
                for part in sent:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)  # so that they are segments of their own
            with suppress(ConnectionError):
                while some := await reader.read(65536):
                    heard += some
    except TimeoutError:
        return None
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return heard


def note(report: Report, answer: bytes | None, sent: bytes, own: bytes) -> None:
    report.rounds += 1
    if answer is None:
        report.failures.append(f"did not end: {sent[:300]!r}")
        return
    statuses = [int(found) for found in STATUS.findall(answer)]
    for status in statuses:
        report.statuses[status] = report.statuses.get(status, 0) + 1
        if status >= 500 and status != 503:
            report.failures.append(f"broke with {status}: {sent[:300]!r}")
    if answer and not answer.startswith(b"HTTP/1.1 "):
        report.failures.append(f"is not HTTP: {answer[:100]!r} to {sent[:300]!r}")
    body_is_told = b"content-length:" in sent.lower() and b"transfer-encoding" not in sent.lower()
    smuggled = b"x-request-id: smuggled" in answer.lower()
    if smuggled and SMUGGLED in sent and body_is_told and _declares_all(sent):
        report.failures.append(f"a body was taken for a request: {sent[:400]!r}")
    if b"x-request-id: " + own in answer and answer.count(b"x-request-id: " + own) > 1:
        report.failures.append(f"answered twice: {sent[:300]!r}")


def _declares_all(sent: bytes) -> bool:
    """Whether the one length that is told covers what was smuggled."""
    told = re.findall(rb"Content-Length: ?(\d+)\r?\n", sent)
    head, _, rest = sent.partition(b"\r\n\r\n")
    return len(told) == 1 and int(told[0]) >= rest.find(SMUGGLED) + len(SMUGGLED) and bool(head)
