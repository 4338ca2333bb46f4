"""What is measured, and that nobody outside can make a measure of their own."""

import asyncio
import json
import math
import subprocess
import sys
from functools import partial
from http import HTTPStatus

import asyncpg
import httpx
import pytest

from chassis.app import ServiceApp
from chassis.problems import Problem
from chassis.verbs import METHODS
from conftest import metric, running, samples
from tests.polling import until
from tests.standstill import undisturbed

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def problems(kind: type[Problem] = Problem) -> set[str]:
    below = (problems(each) for each in kind.__subclasses__())
    return {kind.slug}.union(*below)


async def test_whatever_is_asked_the_labels_are_ours(
    app: ServiceApp, service: httpx.AsyncClient
) -> None:
    for path in ("/canary/1", "/canary/2?canary=1", "/notes/canary", "/%63anary", "//canary"):
        for method in ("GET", "POST", "DELETE", "BREW", "CANARY"):
            await service.request(method, path, content=b"canary", headers={"canary": "1"})
    await service.post("/notes", json={"content": "canary"}, headers={"Idempotency-Key": "canary"})
    await service.post("/notes", content=b"{", headers={"Content-Type": "canary/canary"})
    found = await samples(service)
    assert "canary" not in (await service.get("/metrics")).text.lower()
    # Other services may have run in this process before.
    requests = [
        each.labels
        for each in found
        if each.name.startswith("http_server_request_") and each.labels.get("service") == "sample"
    ]
    routes = {*app.openapi()["paths"], "/openapi.json", "/docs", "/redoc", "unmatched"}
    assert {labels["route"] for labels in requests if "route" in labels} <= routes
    assert {labels["method"] for labels in requests if "method" in labels} <= {*METHODS, "other"}
    phrases = {status.phrase.lower().replace(" ", "-") for status in HTTPStatus}
    refused = {each.labels["type"] for each in found if each.name == "problems_total"}
    assert "not-found" in refused
    assert refused <= problems() | phrases


async def test_the_pool_is_seen(service: httpx.AsyncClient) -> None:
    before = await metric(service, "db_client_connection_wait_time_seconds_count")
    await asyncio.gather(*(service.get("/slow/0.2") for _ in range(3)))
    assert await metric(service, "db_client_connection_wait_time_seconds_count") > before
    assert await metric(service, "db_client_connection_max") == 8
    assert await metric(service, "db_client_connection_count", state="idle") >= 1
    slow = asyncio.create_task(service.get("/slow/1"))
    used = partial(metric, service, "db_client_connection_count", state="used")
    await until(used, lambda count: count == 1, seconds=5)
    assert (await slow).status_code == 200


async def test_sweeps_tell_when_they_last_went_through(service: httpx.AsyncClient) -> None:
    sweep = {"sweep": "old-idempotency-keys"}
    assert await metric(service, "sweep_interval_seconds", **sweep) == 60
    assert await metric(service, "sweep_last_success_timestamp_seconds", **sweep) > 1e9


async def test_queues_are_counted(service: httpx.AsyncClient, database_url: str) -> None:
    await service.post("/notes", json={"content": "x"}, headers={"Idempotency-Key": "old"})
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE sample.sample_idempotency_keys SET created_at = now() - interval '50 hours'"
    )
    await connection.close()
    assert await metric(service, "queue_items", queue="old-idempotency-keys") == 1
    age = await metric(service, "queue_oldest_age_seconds", queue="old-idempotency-keys")
    assert age == pytest.approx(50 * 3600, abs=60)


@undisturbed
async def test_metrics_do_not_wait_for_the_database(
    service: httpx.AsyncClient, database_url: str
) -> None:
    """What cannot be counted is not a number; all else is told."""
    connection = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(2), connection.transaction():
            await connection.execute("LOCK TABLE sample.sample_idempotency_keys")
            assert math.isnan(await metric(service, "queue_items", queue="old-idempotency-keys"))
    finally:
        await connection.close()


async def test_each_request_is_one_line_with_its_trace(
    app: ServiceApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    async with running(app) as service:
        sent = {"X-Request-ID": "me-1", "traceparent": TRACE}
        await service.get("/notes/count?secret=1", headers=sent)
        await service.get("/nowhere", headers=sent)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/notes/count", 422),
        ("unmatched", 404),
    ]
    for line in requests:
        assert (line["trace_id"], line["request_id"]) == (TRACE[3:35], "me-1")
        assert (line["service"], line["method"]) == ("sample", "GET")
        assert line["milliseconds"] > 0


def test_nothing_of_tracing_is_loaded_while_it_is_off() -> None:
    look = "import sys, cartService.app.main; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = said.stdout.split()
    assert "cartService.app.main" in loaded
    assert not [name for name in loaded if "otlp" in name or "opentelemetry.sdk" in name]
