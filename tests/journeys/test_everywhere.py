"""What api.md promises of every service alike, asked of each."""

import re

import httpx
import pytest

from fleet.services import SERVICES
from tests.shop import Shop

EVERY = pytest.mark.parametrize("service", [service.name for service in SERVICES])
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@EVERY
async def test_operations(shop: Shop, service: str) -> None:
    assert (await shop[service].get("/livez")).status_code == 200
    assert (await shop[service].get("/readyz")).status_code == 200
    metrics = await shop[service].get("/metrics")
    assert "http_server_request_duration_seconds_bucket" in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain")


@EVERY
async def test_docs_need_no_internet(shop: Shop, service: str) -> None:
    for path in ("/docs", "/redoc"):
        page = await shop[service].get(path)
        assert page.status_code == 200
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
        for asset in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
            assert (await shop[service].get(asset)).status_code == 200
    assert (await shop[service].get("/openapi.json")).json()["openapi"].startswith("3.1")


@EVERY
async def test_correlation_is_taken_and_minted(shop: Shop, service: str) -> None:
    given = await shop[service].get(
        "/livez", headers={"X-Request-ID": "me-1", "traceparent": TRACE}
    )
    assert given.headers["x-request-id"] == "me-1"
    assert given.headers["traceparent"] == TRACE
    minted = await shop[service].get("/livez", headers={"X-Request-ID": "not valid!"})
    assert re.fullmatch(r"[0-9a-f]{32}", minted.headers["x-request-id"])
    assert minted.headers["traceparent"].startswith("00-")


@EVERY
async def test_framework_errors_are_problems(shop: Shop, service: str) -> None:
    for answer, status in (
        (await shop[service].get("/no/such/path"), 404),
        (await shop[service].patch("/livez"), 405),
    ):
        assert_problem(answer, status)


@EVERY
async def test_every_post_refuses_nonsense(shop: Shop, service: str) -> None:
    """No hostile body makes a 5xx, whatever the endpoint."""
    document = (await shop[service].get("/openapi.json")).json()
    posts = {
        re.sub(r"\{[^}]+\}", "0190b6a8-7a63-7000-8000-000000000000", path): body.get("required")
        for path, operations in document["paths"].items()
        if (body := operations.get("post", {}).get("requestBody"))
    }
    assert posts
    for path, required in posts.items():
        for body in HOSTILE if required else HOSTILE[2:]:
            answer = await shop[service].post(
                path, content=body, headers={"content-type": "application/json"}
            )
            assert 400 <= answer.status_code < 500, (path, body[:40], answer.text)
            assert_problem(answer, answer.status_code)
        answer = await shop[service].post(path, content=b"{}", headers={"content-type": "text/xml"})
        assert answer.status_code == 415


HOSTILE = [
    # These two are no body at all, where one may be left out.
    b"",
    b"null",
    b"{",
    b"[]",
    b'"text"',
    b"NaN",
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"a": "\\u0000"}',
    b'{"a": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"name": "\\ud800", "sku": "\\ud800", "order_id": "\\u0000"}',
]


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert problem["request_id"] == answer.headers["x-request-id"]
