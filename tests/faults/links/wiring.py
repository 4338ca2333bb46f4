"""A running fleet with a link of ours wherever one of it speaks to another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fleet.postgres import Postgres
from fleet.services import BY_NAME
from tests import ports
from tests.fleets import Fleet, beside, embedded_fleet

from .http_wire import HttpWire
from .postgres_wire import PostgresWire
from .proxy import LONGEST_LINE, Link, Rule, Stream
from .wired import CLIENT, LINKS, POSTGRES, port_of, socket_of


@dataclass
class WiredFleet:
    """`links` by caller and callee: services, `postgres`, and `client` as a caller of services."""

    fleet: Fleet
    folder: Path
    links: dict[tuple[str, str], Link]

    @property
    def client_urls(self) -> dict[str, str]:
        """Where a client reaches the services by way of its links."""
        return {
            callee: f"http://127.0.0.1:{link.port}"
            for (caller, callee), link in self.links.items()
            if caller == CLIENT
        }

    def pid(self, service: str) -> int:
        """Of the process that runs now, or ran last."""
        return int((self.folder / "pids" / f"{service}.pid").read_text())

    def set_rule(self, rule: Rule) -> None:
        """The same one for every link."""
        for link in self.links.values():
            link.rule = rule


@asynccontextmanager
async def wired_fleet(folder: Path) -> AsyncIterator[WiredFleet]:
    """A fleet of its own in this folder, ended with the block."""
    async with AsyncExitStack() as stack:
        base = stack.enter_context(ports.reserved())
        links = {ends: _link(*ends, folder, base) for ends in LINKS}
        for link in links.values():
            await link.open()
            stack.push_async_callback(link.close)
        running = embedded_fleet(folder, base=base, module="tests.faults.links.wired")
        yield WiredFleet(await stack.enter_async_context(beside(running)), folder, links)


def _link(caller: str, callee: str, folder: Path, base: int) -> Link:
    port = port_of(base, caller, callee)
    if callee == POSTGRES:
        path = socket_of(Postgres(folder.resolve()).dsn())
        return Link(caller, callee, port, PostgresWire, partial(_connect_to_postgres, path))
    at = BY_NAME[callee].port(base)
    return Link(caller, callee, port, HttpWire, partial(_connect_to_service, at))


async def _connect_to_postgres(path: str) -> Stream:
    return Stream(*await asyncio.open_unix_connection(path))


async def _connect_to_service(port: int) -> Stream:
    return Stream(*await asyncio.open_connection("127.0.0.1", port, limit=LONGEST_LINE))
