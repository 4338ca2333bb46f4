"""Pages of strangers in a developer's browser, where nobody has to show a token."""

from pathlib import Path

import httpx
import pytest

from chassis.app import ServiceApp
from chassis.auth import LOCAL_KEY
from conftest import running
from fleet.keys import make_missing

NOTE = {"content": "x"}
OURS = (
    "localhost", "localhost:8001", "LOCALHOST.", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8001",
    "app.localhost:3000", "cart:8002", "product_catalogue:8001", "sample.test:9", "10.0.0.7",
)  # fmt: skip
STRANGE = (
    "evil.example", "evil.example:8001", "127.0.0.1.evil.example", "localhost.evil.example",
    "10.0.0.8", "[2001:db8::1]:80", "127.0.0.1@evil.example", "sample.test.evil.example",
)  # fmt: skip


@pytest.fixture
def environment() -> dict[str, str]:
    return {"ALLOWED_HOSTS": "sample.test, 10.0.0.7", "CORS_ORIGINS": "https://shop.example"}


async def test_a_name_that_a_stranger_may_own_is_refused(service: httpx.AsyncClient) -> None:
    for _ in range(2):
        for host in OURS:
            answer = await service.get("/notes/count", headers={"Host": host})
            assert answer.status_code == 200, host
        for host in STRANGE:
            for path in ("/notes/count", "/metrics", "/docs", "/nothing"):
                answer = await service.get(path, headers={"Host": host})
                assert answer.status_code == 421, host
                assert answer.json()["type"] == "/problems/misdirected-request"


PAGES: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)
NO_STRANGERS: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8001"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"},
    {"Origin": "http://127.0.0.1:3000"},
)


async def test_a_page_of_another_site_changes_nothing(service: httpx.AsyncClient) -> None:
    for page in PAGES:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = await service.request(method, "/notes", headers=page, json=NOTE)
            assert answer.json()["type"] == "/problems/cross-site-request", (method, page)
    assert (await service.get("/notes/count")).text == "0"
    for page in NO_STRANGERS:
        assert (await service.post("/notes", headers=page, json=NOTE)).status_code == 201, page
    for page in PAGES:
        assert (await service.get("/notes/count", headers=page)).status_code == 200


async def test_where_a_token_is_asked_for_it_is_what_counts(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_missing(tmp_path, ["sample", "other", LOCAL_KEY])
    monkeypatch.setenv("AUTH_MODE", "enforce")
    monkeypatch.setenv("KEYS_DIR", str(tmp_path))
    async with running(app) as service:
        page = {"Host": "shop.example", **PAGES[0]}
        assert (await service.post("/notes", headers=page, json=NOTE)).status_code == 401
        asked = await service.options("/notes", headers=page)
        assert (asked.status_code, asked.headers["allow"]) == (204, "POST, OPTIONS")
