"""The only way out of production's containers: `python -m chassis.outside`. It leads to two places,
which its operator names, and to no other:

    GET  /keys        the key set that the identity provider publishes
    POST /v1/traces   passed on to the collector of traces, if there is one
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import httpx
import uvicorn
from httpx_aiohttp import AiohttpTransport
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .oidc import FETCH_SECONDS, Published
from .server import ANYWHERE
from .wires import FAILURES

PORT = 8012

# Ten services ask twice a minute each, at most.
FRESH_SECONDS = 20.0
TRACES_SECONDS = 5.0
# Sixty-four requests at once, at most: all of them fit into the container's memory.
MOST_BYTES = 2 * 1024 * 1024
# Headers that are passed on: those that describe the body, and no others.
PASSED_ON = ("content-type", "content-encoding")


class Outside:
    """The application. No request can name an address."""

    def __init__(
        self,
        published: Published,
        collector: str | None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._published = published
        self._collector = collector
        self._transport = transport
        self._clock = clock
        self._keys: bytes | None = None
        self._asked = -FRESH_SECONDS
        self._asking = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        match request.method, request.url.path:
            case "GET", "/keys":
                response = await self._answer_keys()
            case "POST", "/v1/traces" if self._collector:
                response = await self._pass_on(request, f"{self._collector}/v1/traces")
            case _:
                response = Response(status_code=404)
        await response(scope, receive, send)

    async def _answer_keys(self) -> Response:
        """The provider's key set; while the provider is away, the last one that was read."""
        async with self._asking:
            if self._clock() - self._asked >= FRESH_SECONDS:
                self._asked = self._clock()
                with suppress(*FAILURES, ValueError):
                    async with asyncio.timeout(FETCH_SECONDS * 3 / 4):
                        self._keys = to_json(await self._published.read())
        if self._keys is None:
            return Response(status_code=503)
        return Response(self._keys, media_type="application/json")

    async def _pass_on(self, request: Request, url: str) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        transport = self._transport or AiohttpTransport(trust_env=False)
        try:
            async with (
                asyncio.timeout(TRACES_SECONDS),
                httpx.AsyncClient(transport=transport, trust_env=False) as client,
            ):
                answer = await client.post(url, content=body, headers=headers)
        except FAILURES:
            return Response(status_code=502)
        return Response(status_code=answer.status_code)


def configured(environ: Mapping[str, str]) -> Outside:
    """Raises KeyError where no provider is named."""
    published = Published(environ["OIDC_ISSUER"], environ.get("OIDC_JWKS_URL") or None)
    collector = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None
    return Outside(published, collector and collector.rstrip("/"))


if __name__ == "__main__":
    uvicorn.run(
        configured(os.environ),
        host=ANYWHERE,
        port=PORT,
        lifespan="off",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
    )
