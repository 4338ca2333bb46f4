"""PostgreSQL away, restarting, strange: every answer is a problem, and everything heals."""

import asyncio
import json
import time
from collections.abc import Awaitable
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from chassis import schema
from chassis.app import ServiceApp
from chassis.database import Database
from chassis.tests.links import link
from chassis.tests.sample_service import app as sample_app
from conftest import as_service, run_sql, running, with_database
from tests.polling import until
from tests.standstill import undisturbed


async def test_starts_and_says_so_without_postgresql(
    app: ServiceApp, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://a:b@127.0.0.1:{unused_tcp_port}/shop")
    async with running(app) as service:
        assert (await service.get("/livez")).status_code == 200
        ready = await service.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["postgresql"] == "does not answer"
        refused = await service.post("/notes", json={"content": "x"})
        assert refused.status_code == 503
        assert refused.json()["type"] == "/problems/dependency-unavailable"
        assert refused.json()["dependency"] == "postgresql"
        assert refused.headers["retry-after"]


async def test_heals_when_its_connections_are_cut(
    service: httpx.AsyncClient, database_url: str
) -> None:
    assert (await service.get("/notes/count")).status_code == 200
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sample_app'"
    )
    await connection.close()
    statuses = [(await service.get("/notes/count")).status_code for _ in range(3)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200


async def test_ready_tells_of_another_schema(service: httpx.AsyncClient, database_url: str) -> None:
    assert (await service.get("/readyz")).status_code == 200
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE fleet.schema_versions SET checksum = 'older'")
    await connection.close()
    answer = await service.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["schema"] == "missing, or of another version"


async def test_service_role_can_do_only_what_it_is_granted(database_url: str) -> None:
    role = as_service(database_url, sample_app.state.folder)
    connection = await asyncpg.connect(role)
    try:
        for statement in (
            "DELETE FROM sample.notes",
            "UPDATE sample.notes SET content = ''",
            "TRUNCATE sample.notes",
            "CREATE TABLE sample.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE SCHEMA mine",
            "UPDATE fleet.schema_versions SET checksum = ''",
            "SET ROLE sample_owner",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
        assert await connection.fetchval("SHOW search_path") == '""'
    finally:
        await connection.close()


async def test_service_alone_brings_its_schema_up(
    app: ServiceApp, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a role that may create schemas, an empty database is enough."""
    admin = await asyncpg.connect(postgres)
    await admin.execute("CREATE DATABASE empty_for_sample")
    try:
        monkeypatch.setenv("DATABASE_URL", with_database(postgres, "empty_for_sample"))
        async with running(app) as service:
            for _ in range(200):
                if (await service.get("/readyz")).status_code == 200:
                    break
            answer = await service.post("/notes", json={"content": "x"})
            assert answer.status_code == 201, answer.text
    finally:
        await admin.execute("DROP DATABASE empty_for_sample WITH (FORCE)")
        await admin.close()


async def test_applying_again_keeps_every_row(
    service: httpx.AsyncClient, database_url: str
) -> None:
    await service.post("/notes", json={"content": "keep me"})
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE fleet.schema_versions SET checksum = 'older'")
    await connection.close()
    await schema.apply(database_url, [sample_app.state.folder], {})
    assert (await service.get("/notes/count")).text == "1"
    assert (await service.get("/readyz")).status_code == 200


@pytest.mark.parametrize("whose", ["ROLE sample_app", "DATABASE {database}"])
async def test_switched_off_durability_is_told(
    app: ServiceApp, database_url: str, whose: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """At start, once, and by /readyz. What counts is what the service's own sessions get."""
    owner = whose.format(database=urlsplit(database_url).path.lstrip("/"))
    try:
        for chosen in ("on", "off"):
            await run_sql(database_url, f"ALTER {owner} SET synchronous_commit = {chosen}")
            async with running(app) as service:
                checks = (await service.get("/readyz")).json()["checks"]
                assert ("synchronous_commit" in checks["durability"]) == (chosen == "off")
        capsys.readouterr()
        async with running(app) as service:
            warning = await until_said("POSTGRESQL MAY LOSE WHAT IT HAS ACKNOWLEDGED", capsys)
            assert "synchronous_commit" in warning
            assert (await service.get("/readyz")).status_code == 200
            assert "POSTGRESQL MAY LOSE" not in capsys.readouterr().out
    finally:
        await run_sql(database_url, f"ALTER {owner} RESET synchronous_commit")


async def test_times_are_told_in_utc_wherever_postgresql_is(database_url: str) -> None:
    name = urlsplit(database_url).path.lstrip("/")
    await run_sql(database_url, f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    database = Database(database_url, name="clock", size=1)
    await database.open()
    try:
        told = await database.fetchval("SELECT to_json(now())")
        assert json.loads(told).endswith("+00:00")
    finally:
        await database.close()
        await run_sql(database_url, f"ALTER DATABASE {name} RESET timezone")


async def until_said(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The line of the log that has them."""

    async def said() -> list[str]:
        return [line for line in capsys.readouterr().out.splitlines() if words in line]

    return (await until(said, seconds=5))[0]


async def test_silence_is_answered_in_time(
    app: ServiceApp, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that stand, and on which nothing comes back."""
    own = as_service(database_url, app.state.folder)
    hasty = {"X-Request-Timeout-Ms": "800", "Idempotency-Key": "hasty"}
    async with link(own) as (way, silence):
        monkeypatch.setenv("DATABASE_URL", way)
        async with running(app) as service:
            assert (await service.post("/notes", json={"content": "before"})).status_code == 201

            def ask() -> Awaitable[httpx.Response]:
                return service.post("/notes", json={"content": "x"}, headers=hasty)

            @undisturbed
            async def refused_in_time() -> None:
                with silence():
                    started = time.monotonic()
                    refused, ready = await asyncio.gather(ask(), service.get("/readyz"))
                    assert time.monotonic() - started < 1.7
                assert refused.status_code == ready.status_code == 503
                assert refused.json()["dependency"] == "postgresql"
                assert ready.json()["checks"]["postgresql"] == "does not answer"

            @undisturbed
            async def done_at_once() -> None:
                assert (await ask()).status_code == 201

            await refused_in_time()
            await done_at_once()
            assert (await service.get("/notes/count")).text == "2"


async def test_what_swallows_a_failure_does_not_commit(app: ServiceApp, database_url: str) -> None:
    """PostgreSQL answers such a COMMIT with a ROLLBACK, and no error."""
    own = as_service(database_url, app.state.folder)
    database = Database(own, name="sample", size=1)
    await database.open()

    async def work() -> None:
        async with database.unit_of_work() as db:
            with suppress(asyncpg.PostgresError):
                await db.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="ROLLBACK"):
        await work()
    assert await database.fetchval("SELECT true")
    await database.close()
