"""One key, one effect, the same bytes again."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest
from starlette.responses import Response

from chassis.app import ServiceApp
from chassis.database import Database
from chassis.idempotency import IdempotencyInProgress, Once
from chassis.problems import DependencyUnavailable
from tests.polling import until
from tests.standstill import undisturbed

KEY = {"Idempotency-Key": "key-1"}


async def notes(service: httpx.AsyncClient) -> int:
    return int((await service.get("/notes/count")).text)


async def test_fifty_at_once_have_one_effect(service: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(service.post("/notes", json={"content": "hello"}, headers=KEY) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert await notes(service) == 1


async def test_order_of_members_does_not_matter(service: httpx.AsyncClient) -> None:
    one = b'{"content": "x", "attributes": {"a": 1, "b": 2}}'
    two = b'{"attributes":{"b":2,"a":1},"content":"x"}'
    headers = {**KEY, "Content-Type": "application/json"}
    first = await service.post("/notes", content=one, headers=headers)
    second = await service.post("/notes", content=two, headers=headers)
    assert second.content == first.content


async def test_another_body_is_refused(service: httpx.AsyncClient) -> None:
    await service.post("/notes", json={"content": "one"}, headers=KEY)
    reused = await service.post("/notes", json={"content": "two"}, headers=KEY)
    assert reused.status_code == 422
    assert reused.json()["type"] == "/problems/idempotency-key-reused"
    assert await notes(service) == 1


@undisturbed
async def test_first_one_still_running(service: httpx.AsyncClient, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    try:
        unfinished = other.transaction()
        await unfinished.start()
        await other.execute(
            "INSERT INTO sample.sample_idempotency_keys (scope, key, fingerprint)"
            " VALUES ('POST /notes', 'key-1', '')"
        )
        waited = await service.post("/notes", json={"content": "hello"}, headers=KEY)
        assert waited.status_code == 409
        assert waited.json()["type"] == "/problems/idempotency-in-progress"
        assert waited.headers["retry-after"] == "1"
        await unfinished.rollback()
    finally:
        await other.close()
    assert (await service.post("/notes", json={"content": "hello"}, headers=KEY)).status_code == 201


async def test_lasting_refusal_is_kept_and_a_passing_one_is_not(
    service: httpx.AsyncClient, database_url: str
) -> None:
    for _ in range(2):
        refused = await service.post(
            "/notes", json={"content": "never"}, headers={"Idempotency-Key": "never"}
        )
        delayed = await service.post(
            "/notes", json={"content": "not now"}, headers={"Idempotency-Key": "later"}
        )
        assert (refused.status_code, delayed.status_code) == (409, 409)
    assert refused.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in delayed.headers
    assert await notes(service) == 0
    connection = await asyncpg.connect(database_url)
    kept = await connection.fetch("SELECT key FROM sample.sample_idempotency_keys")
    await connection.close()
    assert [row["key"] for row in kept] == ["never"]


@pytest.mark.usefixtures("service")
async def test_refusal_is_not_kept_over_what_another_request_began(app: ServiceApp) -> None:
    """Refused perhaps because of that: a second request has looked before the first one wrote."""
    database, table = app.state.database, app.state.idempotency_table
    first, second = [Once(database, table, "POST /notes", "key-1", b"same") for _ in range(2)]
    begun = uuid4()
    assert await second.recall() is None
    async with database.unit_of_work() as db:
        assert await first.claim(db, begun) is None
    with pytest.raises(IdempotencyInProgress):
        await second.refuse(Response(status_code=409, media_type="text/plain"))
    assert await second.recall() == begun


@pytest.mark.usefixtures("service")
async def test_key_is_pointed_elsewhere_by_one_request_only(app: ServiceApp) -> None:
    """Both have seen that what it names was undone; the second one goes on with the first one's."""
    database, table = app.state.database, app.state.idempotency_table
    first, second = [Once(database, table, "POST /notes", "key-1", b"same") for _ in range(2)]
    undone, anew, too_late = uuid4(), uuid4(), uuid4()
    async with database.unit_of_work() as db:
        await first.claim(db, undone)

    async with database.unit_of_work() as mine, database.unit_of_work() as theirs:
        for once, db in ((first, mine), (second, theirs)):
            assert await once.claim(db, too_late) == undone
        assert await first.reassign(mine, undone, anew) == anew
        other = asyncio.create_task(second.reassign(theirs, undone, too_late))
        await until(lambda: waiting_for_locks(database), seconds=5)
        await mine.execute("COMMIT")
        await mine.execute("BEGIN")
        assert await other == anew
    assert await first.recall() == anew


async def waiting_for_locks(database: Database) -> int:
    """How many are."""
    return int(await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_commit_that_fails_is_not_answered_as_done(service: httpx.AsyncClient) -> None:
    """FastAPI commits a yield dependency after it has replied; a unit of work must not."""
    answer = await service.post("/notes", json={"content": "late"}, headers=KEY)
    assert answer.status_code == 500
    assert await notes(service) == 0
    assert (await service.post("/notes", json={"content": "late"}, headers=KEY)).status_code == 500


async def test_wrong_keys_are_refused(service: httpx.AsyncClient) -> None:
    for key in ("", "x" * 256, "tab\there"):
        answer = await service.post(
            "/notes", json={"content": "a"}, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 422, key
    assert await notes(service) == 0


async def test_refusal_stands_where_its_key_cannot_be_looked_up(
    service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller hears what was wrong, not that we could not see whether it matters."""

    async def fail(_: Once) -> None:
        raise DependencyUnavailable("postgresql")

    monkeypatch.setattr(Once, "recall", fail)
    refused = await service.post("/notes", json={"content": "not now"}, headers=KEY)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-now")
