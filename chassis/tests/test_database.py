"""PostgreSQL away, restarting, strange: every answer is a problem, and everything heals."""

import asyncpg
import httpx
import pytest

from chassis import schema
from chassis.app import ServiceApp
from chassis.tests.sample_service import app as sample_app
from conftest import as_service, running, with_database


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


async def test_switched_off_durability_is_told(
    service: httpx.AsyncClient, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The role's setting is what its sessions get, whatever the server's is."""
    role = "sample_app"
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"ALTER ROLE {role} SET synchronous_commit = off")
        ready = await service.get("/readyz")
        assert ready.status_code == 200
        assert "synchronous_commit" in ready.json()["checks"]["durability"]
        await service.get("/readyz")
        said = capsys.readouterr().out
        assert said.count("POSTGRESQL MAY LOSE WHAT IT HAS ACKNOWLEDGED") == 1
    finally:
        await connection.execute(f"ALTER ROLE {role} RESET synchronous_commit")
        await connection.close()
