"""The way out of containers: to the provider's keys and the collector, and nowhere else."""

import json

import httpx

from chassis.oidc import Published
from chassis.outside import FRESH_SECONDS, MOST_BYTES, Outside
from chassis.tests.test_oidc import ISSUER, Clock, Provider

COLLECTOR = "http://collector:4318"


class World(Provider):
    """The provider, and a collector that refuses spans of another kind."""

    def __init__(self) -> None:
        super().__init__("EdDSA")
        self.spans: list[tuple[bytes, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "collector" or self.away:
            return super().__call__(request)
        self.spans.append((request.content, request.headers.get("content-encoding")))
        assert "authorization" not in request.headers
        return httpx.Response(200 if request.headers["content-type"] == "x/spans" else 400)


def client(world: World, clock: Clock, collector: str | None = COLLECTOR) -> httpx.AsyncClient:
    transport = httpx.MockTransport(world)
    published = Published(ISSUER, None, transport)
    app = Outside(published, collector, transport, clock)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://outside:8012")


async def test_keys_are_asked_for_now_and_then_and_outlast_the_provider() -> None:
    world, clock = World(), Clock()
    async with client(world, clock) as outside:
        world.away = True
        assert (await outside.get("/keys")).status_code == 503
        world.away, clock.now = False, clock.now + FRESH_SECONDS
        for _ in range(5):
            answer = await outside.get("/keys")
            assert [key["kid"] for key in json.loads(answer.content)["keys"]] == ["EdDSA"]
        asked = len(world.asked)
        world.away, clock.now = True, clock.now + FRESH_SECONDS
        assert (await outside.get("/keys")).status_code == 200
        assert len(world.asked) == asked + 1


async def test_spans_are_passed_on_and_nothing_else_of_the_request() -> None:
    world = World()
    headers = {"Content-Type": "x/spans", "Content-Encoding": "gzip", "Authorization": "Bearer x"}
    async with client(world, Clock()) as outside:
        sent = await outside.post("/v1/traces", content=b"spans", headers=headers)
        assert sent.status_code == 200
        assert world.spans == [(b"spans", "gzip")]
        large = await outside.post("/v1/traces", content=b"x" * (MOST_BYTES + 1), headers=headers)
        assert large.status_code == 413
        world.away = True
        sent = await outside.post("/v1/traces", content=b"spans", headers=headers)
        assert sent.status_code == 502


async def test_it_leads_nowhere_else() -> None:
    world = World()
    async with client(world, Clock(), collector=None) as outside:
        for method, path in (
            ("POST", "/v1/traces"),
            ("GET", "/"),
            ("POST", "/keys"),
            ("GET", "/keys/../x"),
            ("GET", "//collector:4318/v1/traces"),
        ):
            assert (await outside.request(method, path)).status_code == 404, path
    assert (world.asked, world.spans) == ([], [])
