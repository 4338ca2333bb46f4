"""What a peer may do to its callers, other than answering."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.faults.links.proxy import Drop, Exchange, HalfOpen, Link, Rule, Says, Slow

Trouble = Callable[[Link], AbstractAsyncContextManager[None]]


class Truncated(Says):
    """The answer begins well, and then the connection ends."""

    async def delivered(self, exchange: Exchange) -> None:  # noqa: ARG002  # overrides
        raise Drop()


class Negative(Rule):
    """Every price, total and quantity of the answer is below zero."""

    async def answer(self, exchange: Exchange) -> None:
        body = exchange.answer.partition(b"\r\n\r\n")[2]
        body = re.sub(rb'"(price|total)":"', rb'"\1":"-', body)
        exchange.answer = said(200, re.sub(rb'"quantity":', rb'"quantity":-', body))


def said(status: int, body: bytes, media_type: str = "application/json") -> bytes:
    """An answer as it goes over the wire."""
    lines = (
        f"HTTP/1.1 {status} Whatever",
        f"content-type: {media_type}",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


@asynccontextmanager
async def refused(link: Link) -> AsyncIterator[None]:
    await link.close()
    try:
        yield
    finally:
        await link.open()


def ruled(rule: Rule) -> Trouble:
    @asynccontextmanager
    async def trouble(link: Link) -> AsyncIterator[None]:
        link.rule = rule
        try:
            yield
        finally:
            link.rule = Rule()
            await link.cut()

    return trouble


SILENT: dict[str, Trouble] = {"half-open": ruled(HalfOpen()), "slow": ruled(Slow(answers=10))}
NONSENSE: dict[str, Trouble] = {
    "html": ruled(Says(said(200, b"<html>Welcome to your proxy</html>", "text/html"))),
    "another shape": ruled(Says(said(200, b'{"items": {"answer": 42}, "status": []}'))),
    "20 MB": ruled(Says(said(200, b'"' + b"x" * 20_000_000 + b'"'))),
    "cut off": ruled(Truncated(said(200, b'{"items": []}' + b" " * 100)[:-50])),
    "500": ruled(Says(said(500, b"Internal Server Error", "text/plain"))),
    "404 of somebody else": ruled(Says(said(404, b"<html>no such page</html>", "text/html"))),
}
NEGATIVE: dict[str, Trouble] = {"negative": ruled(Negative())}
TROUBLES = {"refused": refused, **SILENT, **NONSENSE}
