"""What may happen to PostgreSQL while services run."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from fleet.postgres import Postgres
from fleet.services import SERVICES
from fleet.up import DATABASE
from tests.faults.links.proxy import Exchange, HalfOpen, Rule
from tests.faults.links.wired import POSTGRES
from tests.faults.links.wiring import WiredFleet

from .troubles import refused, ruled

ROLES = [f"{service.name}_app" for service in SERVICES]


@dataclass(frozen=True)
class Trouble:
    """`told` is what /readyz says of PostgreSQL; None where that is a matter of moments."""

    name: str
    inflicted: Callable[[WiredFleet], AbstractAsyncContextManager[None]]
    told: str | None = "does not answer"
    refuses_writes: bool = True
    lets_read: bool = False


def superuser(fleet: WiredFleet) -> str:
    return Postgres(fleet.folder.resolve()).dsn(DATABASE)


async def command(fleet: WiredFleet, *statements: str) -> None:
    connection = await asyncpg.connect(superuser(fleet))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def postmaster(fleet: WiredFleet) -> int:
    return int((fleet.folder / "postgres" / "postmaster.pid").read_text().split()[0])


def backends(parent: int) -> list[int]:
    """The processes of a PostgreSQL, but for its first."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for children in tasks for pid in children.read_text().split()]


def ended_by(how: signal.Signals) -> Callable[[WiredFleet], AbstractAsyncContextManager[None]]:
    """It is started again at once, so that is over when it is over."""

    @asynccontextmanager
    async def inflicted(fleet: WiredFleet) -> AsyncIterator[None]:
        os.kill(postmaster(fleet), how)
        yield

    return inflicted


@asynccontextmanager
async def suspended(fleet: WiredFleet) -> AsyncIterator[None]:
    parent = postmaster(fleet)
    everybody = [parent, *backends(parent)]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)


def on_every_way(
    trouble: Callable[..., AbstractAsyncContextManager[None]],
) -> Callable[[WiredFleet], AbstractAsyncContextManager[None]]:
    """Something that happens to the links between the services and PostgreSQL."""

    @asynccontextmanager
    async def inflicted(fleet: WiredFleet) -> AsyncIterator[None]:
        ways = [trouble(fleet.links[service.name, POSTGRES]) for service in SERVICES]
        await asyncio.gather(*(way.__aenter__() for way in ways))
        try:
            yield
        finally:
            await asyncio.gather(*(way.__aexit__(None, None, None) for way in ways))

    return inflicted


@asynccontextmanager
async def out_of_connections(fleet: WiredFleet) -> AsyncIterator[None]:
    """SQLSTATE 53300."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '%\\_app'"
    limits = [f"ALTER ROLE {role} CONNECTION LIMIT " for role in ROLES]
    await command(fleet, *(f"{limit} 0" for limit in limits), cut)
    try:
        yield
    finally:
        await command(fleet, *(f"{limit} 24" for limit in limits))


@asynccontextmanager
async def read_only(fleet: WiredFleet) -> AsyncIterator[None]:
    """SQLSTATE 25006."""
    setting = "ALTER SYSTEM SET default_transaction_read_only ="
    await command(fleet, f"{setting} on", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        undo = ["SET default_transaction_read_only = off", f"{setting} off"]
        await command(fleet, *undo, "SELECT pg_reload_conf()")


@asynccontextmanager
async def full(fleet: WiredFleet) -> AsyncIterator[None]:
    """As the services see it: SQLSTATE 53100 for whatever is inserted or changed."""
    fail = """
        CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$
    """
    attach = """
        DO $$ DECLARE place regclass; BEGIN
            FOR place IN SELECT format('%I.%I', schemaname, tablename)::regclass
                  FROM pg_tables WHERE tableowner LIKE '%\\_owner'
            LOOP EXECUTE 'CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ' || place
                      || ' EXECUTE FUNCTION public.full_disk()'; END LOOP; END $$
    """
    await command(fleet, fail, attach)
    try:
        yield
    finally:
        await command(fleet, "DROP FUNCTION public.full_disk CASCADE")


TROUBLES = (
    Trouble("refused", on_every_way(refused)),
    Trouble("half-open", on_every_way(ruled(HalfOpen()))),
    Trouble("suspended", suspended),
    Trouble("out of connections", out_of_connections),
    Trouble("read-only", read_only, told="is read-only", lets_read=True),
    Trouble("disk full", full, told="ok", lets_read=True),
    *(
        Trouble(how.name, ended_by(how), told=None, refuses_writes=False)
        for how in (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT)
    ),
)


@dataclass
class Suspending(Rule):
    """The caller stands still when it is about to commit, and its word is held back."""

    pid: int

    def __post_init__(self) -> None:
        self.reached, self.released = asyncio.Event(), asyncio.Event()

    async def request(self, exchange: Exchange) -> None:
        if b"COMMIT" in exchange.request and not self.reached.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            self.reached.set()
            await self.released.wait()


@asynccontextmanager
async def suspended_with_locks(fleet: WiredFleet, sku: str) -> AsyncIterator[None]:
    """The warehouse is suspended by what the block begins, with the stock of this SKU locked;
    when it goes on, PostgreSQL has freed that by itself."""
    link = fleet.links["warehouse", POSTGRES]
    link.rule = rule = Suspending(fleet.pid("warehouse"))
    try:
        yield
        await rule.reached.wait()
        # Without a limit of their own, these wait for whoever holds the row.
        await asyncio.wait_for(command(fleet, f"{LOCK} WHERE sku = '{sku}' FOR UPDATE"), 15)
    finally:
        os.kill(rule.pid, signal.SIGCONT)
        rule.released.set()
        link.rule = Rule()


LOCK = "SELECT FROM warehouse.stock"
