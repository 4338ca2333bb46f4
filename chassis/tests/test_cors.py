"""Pages of other origins: those of CORS_ORIGINS may call a service from a browser, no others."""

import httpx
import pytest

from chassis.admission import Admission, Overload
from chassis.app import ServiceApp
from chassis.settings import Settings
from chassis.tests.test_connections import say, serving
from conftest import running

SHOP = "https://shop.example"
OTHER = "https://other.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}
WANTED = (
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
    "X-Request-ID", "traceparent", "tracestate",
)  # fmt: skip
EXPOSED = (
    "Location", "ETag", "Retry-After", "X-Request-ID", "Idempotent-Replayed", "RateLimit",
    "RateLimit-Policy",
)  # fmt: skip


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CORS_ORIGINS": f"{SHOP}/ , http://localhost:3000"}


def listed(answer: httpx.Response, name: str) -> list[str]:
    return answer.headers[name].split(", ")


async def test_preflight_of_an_origin_that_is_listed(service: httpx.AsyncClient) -> None:
    for origin in (SHOP, "http://localhost:3000"):
        answer = await service.options("/notes", headers={"Origin": origin, **PREFLIGHT})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == origin
        assert listed(answer, "access-control-allow-methods") == ["POST", "OPTIONS"]
        assert set(WANTED) <= set(listed(answer, "access-control-allow-headers"))
        assert int(answer.headers["access-control-max-age"]) > 0
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://shop.example.evil.example", "http://shop.example", "", "*"]
)
async def test_preflight_of_another(service: httpx.AsyncClient, origin: str) -> None:
    answer = await service.options("/notes", headers={"Origin": origin, **PREFLIGHT})
    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["vary"] == "Origin"


async def test_answers_are_readable_whatever_they_are(service: httpx.AsyncClient) -> None:
    origin = {"Origin": SHOP}
    large = {**origin, "Content-Type": "application/json"}
    hasty = {**origin, "X-Request-Timeout-Ms": "5"}
    for answer, status in (
        (await service.get("/notes/count", headers=origin), 200),
        (await service.post("/notes", headers=origin, json={"content": "x"}), 201),
        (await service.get("/nothing", headers=origin), 404),
        (await service.put("/notes", headers=origin), 405),
        (await service.post("/notes", headers=large, content=b" " * 2**21), 413),
        (await service.post("/notes", headers=origin, json={}), 422),
        (await service.get("/boom", headers=origin), 500),
        (await service.get("/notes/count", headers=hasty), 503),
        (await service.get("/livez", headers=origin), 200),
        (await service.get("/openapi.json", headers=origin), 200),
    ):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert set(EXPOSED) <= set(listed(answer, "access-control-expose-headers"))
        assert answer.headers["vary"].startswith("Origin")
    plain = await service.get("/notes/count")
    assert "access-control-allow-origin" not in plain.headers
    assert plain.headers["vary"] == "Origin"


async def test_refusals_of_the_server_itself_are_readable(
    app: ServiceApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = b"Access-Control-Allow-Origin: " + SHOP.encode()
    get = b"GET /notes/count HTTP/1.1\r\nHost: s\r\nOrigin: %b\r\nConnection: close\r\n%b\r\n"
    async with serving(app) as port:
        twice = await say(port, get % (SHOP.encode(), b"Content-Type: a\r\nContent-Type: b\r\n"))
        assert twice.startswith(b"HTTP/1.1 400 ")
        assert ours.lower() in twice.lower()
        monkeypatch.setattr(Overload, "lasts", lambda *_: True)
        monkeypatch.setattr(Admission, "_places", lambda _: 0)
        refused = await say(port, get % (SHOP.encode(), b""))
        assert refused.startswith(b"HTTP/1.1 503 ")
        for header in (ours, b"X-Content-Type-Options: nosniff", b"Vary: Origin", b"Date: "):
            assert header.lower() in refused.lower()
        assert b"access-control" not in await say(port, get % (OTHER.encode(), b""))


async def test_none_are_listed_by_default(app: ServiceApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORS_ORIGINS")
    async with running(app) as service:
        for method in ("OPTIONS", "GET"):
            asked = {"Origin": SHOP, **PREFLIGHT}
            answer = await service.request(method, "/notes/count", headers=asked)
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "origins",
    ["*", "null", "shop.example", "https://shop.example/path", "https://", "ftp://shop.example",
     "https://a@shop.example", "https://*.shop.example", f"{SHOP}, *"],
)  # fmt: skip
async def test_what_is_no_origin_stops_the_start(
    app: ServiceApp,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    origins: str,
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", origins)
    with pytest.raises(SystemExit):
        async with running(app):
            pass
    assert "CORS_ORIGINS" in capsys.readouterr().err


def test_origins_are_kept_as_browsers_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("CORS_ORIGINS", "HTTPS://Shop.Example:443, http://[::1]:80/,http://a:8080")
    told = Settings().cors_origins
    assert told == ("https://shop.example", "http://[::1]", "http://a:8080")
