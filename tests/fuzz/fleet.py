"""All ten services in one process, over one PostgreSQL, called without a network."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import Message

from chassis import schema
from chassis.app import ServiceApp, load_app
from conftest import PASSWORD, as_service
from fleet.services import ROOT, SERVICES

from .requests import Request


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def told(self) -> bool:
        """Whether it is a success that says something."""
        json_type = self.headers.get(b"content-type") == b"application/json"
        return self.status < 300 and json_type and bool(self.body)

    def json(self) -> Any:
        return json.loads(self.body)


class Neighbours(httpx.AsyncBaseTransport):
    """Takes a call to the service that its host names."""

    def __init__(self, apps: dict[str, ServiceApp]) -> None:
        self._transports = {name: httpx.ASGITransport(app=app) for name, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # In a task of its own, as in a process of its own: its context is not the caller's.
        called = self._transports[request.url.host].handle_async_request(request)
        return await asyncio.create_task(called)


@asynccontextmanager
async def in_process(database_url: str) -> AsyncIterator[dict[str, ServiceApp]]:
    """Ten services, by name, on this database; its schemas are applied."""
    names = [service.name for service in SERVICES]
    folders = [ROOT / service.folder for service in SERVICES]
    await schema.apply(database_url, folders, dict.fromkeys([*names, "auditor"], PASSWORD))
    apps = {service.name: load_app(service.folder) for service in SERVICES}
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            app = apps[service.name]
            app.peer_transport = Neighbours(apps)
            settings = {peer.url_variable: f"http://{peer.name}" for peer in SERVICES}
            settings["DATABASE_URL"] = as_service(database_url, ROOT / service.folder)
            with _environment(settings | {"LOG_LEVEL": "error", "PROVIDER_TIMEOUT": "0.05"}):
                await stack.enter_async_context(app.router.lifespan_context(app))
        yield apps


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def ask(app: ServiceApp, request: Request) -> Answer:
    """One request as the server would hand it over."""
    path, _, query = request.target.partition("?")
    said: list[Message] = []
    heard: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Message:
        return heard.pop() if heard else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value) for name, value in request.headers],
        "client": ("127.0.0.1", 40000),
        "server": ("service", 80),
        "state": {},
    }
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in said[1:])
    return Answer(said[0]["status"], dict(said[0]["headers"]), body)
