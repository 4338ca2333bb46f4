"""A running fleet with a link of ours wherever one of it speaks to another."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet.postgres import Postgres
from fleet.services import BY_NAME, SERVICES
from tests.fleets import Fleet, beside, embedded_fleet, free_base

from . import wired
from .http_wire import HttpWire
from .postgres_wire import PostgresWire
from .proxy import LONGEST_LINE, Link, Rule, Stream

CLIENT = "client"


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
        base, links = await _open_links(folder)
        for link in links.values():
            stack.push_async_callback(link.close)
        running = embedded_fleet(folder, base=base, module="tests.faults.links.wired")
        yield WiredFleet(await stack.enter_async_context(beside(running)), folder, links)


async def _open_links(folder: Path) -> tuple[int, dict[tuple[str, str], Link]]:
    while True:
        # Apart from where other fleets begin to look: several may be starting at this moment.
        base = free_base(wired.PORTS_NEEDED, random.randrange(20000, 31000, 40))
        links = links_of(folder, base)
        try:
            for (caller, callee), link in links.items():
                port = 0 if caller == CLIENT else wired.port_of(base, caller, callee)
                await link.open(port)
        except OSError:
            for link in links.values():
                await link.close()
        else:
            return base, links


def links_of(folder: Path, base: int) -> dict[tuple[str, str], Link]:
    between = [link for link in wired.LINKS if link[1] != wired.POSTGRES]
    pairs = [*between, *((CLIENT, service.name) for service in SERVICES)]
    links = {(caller, callee): _to_service(caller, callee, base) for caller, callee in pairs}
    path = wired.socket_of(Postgres(folder.resolve()).dsn())
    return links | {
        (service.name, wired.POSTGRES): _to_postgres(service.name, path) for service in SERVICES
    }


def _to_service(caller: str, callee: str, base: int) -> Link:
    async def connect() -> Stream:
        port = BY_NAME[callee].port(base)
        return Stream(*await asyncio.open_connection("127.0.0.1", port, limit=LONGEST_LINE))

    return Link(caller, callee, HttpWire, connect)


def _to_postgres(caller: str, path: str) -> Link:
    async def connect() -> Stream:
        return Stream(*await asyncio.open_unix_connection(path))

    return Link(caller, wired.POSTGRES, PostgresWire, connect)
