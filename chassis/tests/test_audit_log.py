"""When a request leaves a line in the audit log; tests/access tries all routes."""

from pathlib import Path

import asyncpg
import httpx
import pytest

from chassis.auth import LOCAL_KEY
from chassis.tests.test_auth import token
from fleet.keys import make_missing


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_missing(tmp_path / "keys", ["sample", "other", LOCAL_KEY])
    return tmp_path / "keys"


@pytest.fixture
def environment(keys: Path) -> dict[str, str]:
    return {"KEYS_DIR": str(keys)}


async def written(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM sample.sample_audit_log"))
    finally:
        await connection.close()


async def test_where_nobody_is_known_there_is_nobody_to_name(
    service: httpx.AsyncClient, keys: Path, database_url: str
) -> None:
    assert (await service.post("/notes", json={"content": "x"})).status_code == 201
    assert await written(database_url) == 0
    known = token(keys, "staff")
    assert (await service.post("/notes", json={"content": "x"}, headers=known)).status_code == 201
    assert await written(database_url) == 1


@pytest.mark.parametrize(("content", "status"), [("never", 409), ("not now", 409), ("late", 500)])
async def test_what_is_undone_leaves_nothing(
    content: str, status: int, service: httpx.AsyncClient, keys: Path, database_url: str
) -> None:
    """Refused by the route, for good or for now, and by PostgreSQL at the commit itself."""
    headers = token(keys, "admin") | {"Idempotency-Key": "k"}
    answer = await service.post("/notes", json={"content": content}, headers=headers)
    assert (answer.status_code, await written(database_url)) == (status, 0)


async def test_what_is_answered_again_is_not_done_again(
    service: httpx.AsyncClient, keys: Path, database_url: str
) -> None:
    headers = token(keys, "staff") | {"Idempotency-Key": "k"}
    for replayed in (None, "true"):
        answer = await service.post("/notes", json={"content": "x"}, headers=headers)
        assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (201, replayed)
        assert await written(database_url) == 1
