"""What every request passes: ids, limits, deadlines, and one shape for whatever goes wrong."""

import asyncio
import time

import httpx
import pytest
from starlette.types import Message

from chassis import logs
from chassis.app import ServiceApp
from conftest import running
from tests.standstill import undisturbed


async def test_unhandled_error_is_a_problem_and_says_nothing(
    service: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await service.get("/boom")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/internal-error"
    assert "secret" not in answer.text
    logs.lines.flush()
    assert "a secret that no client may see" in capsys.readouterr().out
    assert (await service.get("/notes/count")).status_code == 200


async def test_unhandled_error_does_not_reach_the_server(app: ServiceApp) -> None:
    """A server that sees an exception closes the connection under the next request."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            assert (await client.get("/boom")).status_code == 500


async def test_client_who_hangs_up_is_no_error_of_ours(
    app: ServiceApp, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before its body has arrived, as when the service was suspended for a while."""
    said: list[Message] = []

    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    async def listen(message: Message) -> None:
        said.append(message)

    async with app.router.lifespan_context(app):
        scope = {"type": "http", "method": "POST", "path": "/notes", "headers": []}
        await app({**scope, "query_string": b"", "server": ("service", 80)}, hang_up, listen)
    assert said[0]["status"] == 422
    assert '"level": "error"' not in capsys.readouterr().out


@undisturbed
async def test_deadline_ends_a_slow_statement(service: httpx.AsyncClient) -> None:
    started = time.monotonic()
    answer = await service.get("/slow/1.5", headers={"X-Request-Timeout-Ms": "150"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert time.monotonic() - started < 1
    assert (await service.get("/notes/count")).status_code == 200


async def test_statements_that_fail_cost_no_connection(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    async with running(app) as service:
        for _ in range(4):
            hasty = {"X-Request-Timeout-Ms": "150"}
            assert (await service.get("/slow/1.5", headers=hasty)).status_code == 503
        assert (await service.get("/notes/count")).status_code == 200


async def test_expired_request_is_not_begun(service: httpx.AsyncClient) -> None:
    answer = await service.post(
        "/notes", json={"content": "x"}, headers={"X-Request-Timeout-Ms": "5"}
    )
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/deadline-exceeded"
    assert (await service.get("/notes/count")).text == "0"


@undisturbed
async def test_too_much_at_once_is_refused_at_once(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "2")
    async with running(app) as service:
        *answers, alive = await asyncio.gather(
            *(service.get("/slow/0.3") for _ in range(3)), service.get("/livez")
        )
        assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
        (refused,) = [answer for answer in answers if answer.status_code == 503]
        assert refused.json()["type"] == "/problems/overloaded"
        assert refused.headers["retry-after"] == "1"
        assert refused.elapsed.total_seconds() < 0.2
        assert alive.status_code == 200
        assert (await service.get("/notes/count")).status_code == 200


@undisturbed
async def test_waiting_for_a_connection_is_bounded(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    async with running(app) as service:
        started = time.monotonic()
        answers = await asyncio.gather(*(service.get("/slow/0.7") for _ in range(20)))
        assert time.monotonic() - started < 5
        assert {answer.status_code for answer in answers} == {200, 503}
        refused = [answer.json()["type"] for answer in answers if answer.status_code == 503]
        assert set(refused) == {"/problems/overloaded"}
        assert (await service.get("/notes/count")).status_code == 200


async def test_one_log_line_a_request(
    service: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await service.get("/notes/count", headers={"X-Request-ID": "find-me"})
    logs.lines.flush()
    lines = [line for line in capsys.readouterr().out.splitlines() if "find-me" in line]
    assert len(lines) == 1
    for member in ('"route": "/notes/count"', '"status": 200', '"milliseconds"', '"trace_id"'):
        assert member in lines[0]


async def test_openapi_page_is_whole(service: httpx.AsyncClient, app: ServiceApp) -> None:
    document = (await service.get("/openapi.json")).json()
    operation = document["paths"]["/notes"]["post"]
    refused = [400, 401, 403, 408, 409, 412, 413, 415, 421, 422, 429, 431, 500, 503]
    assert set(operation["responses"]) == {str(status) for status in (201, *refused)}
    # Nobody is asked for a token here, so the page asks for none; where tokens are, it says whose.
    assert operation["security"] == []
    enforced = app.openapi()["paths"]["/notes"]["post"]
    assert enforced["security"] == [{"token": ["admin", "staff"]}]
    assert document["servers"] == [{"url": str(service.base_url).rstrip("/")}]
    assert operation["operationId"] == "create_note"
    for status in ("401", "403"):
        assert "WWW-Authenticate" in operation["responses"][status]["headers"]
    conflict = operation["responses"]["409"]
    for problem in ("note-refused", "not-now", "idempotency-in-progress"):
        assert f"/problems/{problem}" in conflict["description"]
    assert "application/problem+json" in conflict["content"]
    assert {"Location", "X-Request-ID", "Idempotent-Replayed"} <= set(
        operation["responses"]["201"]["headers"]
    )
    assert "HTTPValidationError" not in str(document)


async def test_each_problem_has_a_page(service: httpx.AsyncClient, app: ServiceApp) -> None:
    """Under the path that is its type: for programs as JSON, for people as HTML."""
    listed = (await service.get("/problems")).json()["items"]
    told = {each["type"] for each in listed}
    schemas = app.openapi()["components"]["schemas"].values()
    documented = {
        schema["properties"]["type"]["const"]
        for schema in schemas
        if "const" in schema.get("properties", {}).get("type", {})
    }
    assert documented <= told
    for each in listed:
        assert (await service.get(each["type"])).json() == each
    told_to_programs = await service.get("/problems/note-refused")
    page = await service.get("/problems/note-refused", headers={"Accept": "text/html"})
    assert told_to_programs.headers["vary"] == page.headers["vary"] == "Accept"
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>" in page.text
    assert (await service.get("/problems/made-up")).json()["type"] == "/problems/not-found"
