"""A planned route answers as FastAPI would, byte for byte: whatever is sent, however wrong."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any, get_args
from unittest.mock import sentinel
from urllib.parse import urlencode
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from chassis import Once
from chassis.app import ServiceApp, create_app, load_app
from chassis.auth import Gate
from chassis.context import RequestContext, enter
from chassis.dispatch import Dispatch
from chassis.plans import Plan
from chassis.strict import StrictRoute
from chassis.tokens import Callers
from fleet.services import SERVICES

TRIES = 24

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
PATHS = (ID, ID.upper(), "TEA-1", "nobody", "x" * 65, "a b", "é")
QUERIES = ("", "1", "-1", "201", "1.5", "x", "true", ID, "TEA-1", "EUR", "pending", "x" * 3000)
HEADERS = ("k", "", '"1"', "*", "x" * 256, "x" * 1001)
HOSTILE = (
    b"", b"{", b"null", b"[]", b"3", b'"x"', b"{}", b'{"unknown": 1}', b"NaN", b"[1e400]", b"\xff",
    b'{"sku": "\\u0000"}', b'{"quantity": true}', b'{"quantity": 1e2}', b"[" * 5000,
)  # fmt: skip
TYPES = (
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "text/plain",
    "",
)

# What a text has to look like, by the pattern or the format that asks for it.
TEXTS = {"uuid": ID, "date-time": "2026-01-31T09:30:00Z", "email": "ada@example.org"}
GUESSES = ("TEA-1", "EUR", "DE", "1.00", "12345", "tok_ok")


def routes() -> Iterator[tuple[str, str, str]]:
    for service in SERVICES:
        for router in load_app(service.folder).state.routers:
            for route in router.routes:
                if isinstance(route, StrictRoute):
                    for method in sorted(route.methods or ()):
                        yield service.folder, method, route.path


@pytest.mark.parametrize(("folder", "method", "path"), list(routes()))
async def test_plan_answers_as_fastapi(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = load_app(folder)
    route = route_of(service, method, path)
    monkeypatch.setattr(route.dependant, "call", tell)
    app = alone(route)
    others = FastAPI.build_middleware_stack(app)
    dispatch = Dispatch(app, [app.router], others)
    Plan(route)  # raises where there is none
    chance, statuses = Random(f"{folder} {method} {path}"), set()
    for turn in range(TRIES):
        request = asked(service, route, method, chance, good=turn % 3 == 0)
        planned = await answer(app, dispatch, *request)
        assert planned == await answer(app, others, *request), request
        statuses.add(planned[0])
    assert 200 in statuses, "No request was good enough to reach the route."


def route_of(app: ServiceApp, method: str, path: str) -> StrictRoute:
    for router in app.state.routers:
        for route in router.routes:
            if isinstance(route, StrictRoute) and (route.path, {method}) == (path, route.methods):
                return route
    raise LookupError(path)


def alone(route: StrictRoute) -> ServiceApp:
    """A service that has this route only, and nothing behind it."""
    app = create_app("any", schema="any", home=Path())
    app.state.gate = Gate(enforced=False, services=Callers("any", {}), people=None)
    # Before those that every service has.
    app.router.routes.insert(0, route)
    for name in ("database", "peers", "context"):
        setattr(app.state, name, getattr(sentinel, name))
    return app


async def tell(**arguments: object) -> Response:
    """Stands for a route's function: says what it was called with."""
    return Response("\n".join(f"{name}={shown(arguments[name])}" for name in sorted(arguments)))


def shown(argument: object) -> str:
    if isinstance(argument, Once):
        return f"Once({argument.key})"
    if isinstance(argument, BaseModel):
        return repr(argument.model_dump())
    known = isinstance(argument, Request | Response)
    return type(argument).__name__ if known else repr(argument)


Asked = tuple[dict[str, Any], bytes]


def asked(app: ServiceApp, route: StrictRoute, method: str, chance: Random, *, good: bool) -> Asked:
    path = route.path
    for field in route.dependant.path_params:
        value = good_part(field.field_info.annotation) if good else chance.choice(PATHS)
        path = path.replace(f"{{{field.alias}}}", value)
    query = [
        (field.alias, chance.choice(QUERIES))
        for field in route.dependant.query_params
        if field.field_info.is_required() or not good
        for _ in range(chance.choice((0, 1, 1, 2)) if not good else 1)
    ]
    headers = [
        (name.encode(), chance.choice(HEADERS).encode())
        for name in ("idempotency-key", "if-match", "if-none-match")
        if not good and chance.random() < 0.5
    ]
    body = content(app, route, method, chance, good=good)
    kind = TYPES[0] if good else chance.choice(TYPES)
    if kind:
        headers.append((b"content-type", kind.encode()))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": urlencode(query).encode(),
        "headers": headers,
    }
    return scope, body


def good_part(kind: Any) -> str:
    """A part of a path, of this type."""
    if choices := get_args(kind):
        return str(choices[0])
    return {UUID: ID, int: "1"}.get(kind, "TEA-1")


def content(
    app: ServiceApp, route: StrictRoute, method: str, chance: Random, *, good: bool
) -> bytes:
    operation = app.openapi()["paths"][route.path][method.lower()]
    if "requestBody" not in operation:
        return b""
    if not good and chance.random() < 0.5:
        return chance.choice(HOSTILE)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    value = made(schema, app.openapi(), chance)
    if not good and isinstance(value, dict) and value:
        value[chance.choice(list(value))] = chance.choice((None, "", "x", -1, [], {}, True, 10**20))
    return json.dumps(value).encode()


def made(schema: dict[str, Any], document: dict[str, Any], chance: Random) -> Any:
    """Something that fits, as far as JSON Schema tells."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return made(document["components"]["schemas"][name], document, chance)
    if "enum" in schema or "const" in schema:
        return chance.choice(schema.get("enum") or [schema["const"]])
    if "examples" in schema:
        return deepcopy(chance.choice(schema["examples"]))
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return made(choices[0], document, chance)
    match schema.get("type"):
        case "object":
            wanted, members = schema.get("required", ()), schema.get("properties", {})
            return {name: made(members[name], document, chance) for name in wanted}
        case "array":
            return [made(schema.get("items", {}), document, chance)]
        case "integer" | "number":
            return int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
        case "boolean":
            return True
    return text(schema)


def text(schema: dict[str, Any]) -> str:

    if schema.get("format") in TEXTS:
        return TEXTS[schema["format"]]
    pattern = schema.get("pattern")
    return next(each for each in GUESSES if not pattern or re.search(pattern, each))


async def answer(app: ServiceApp, server: ASGIApp, scope: dict[str, Any], body: bytes) -> Any:
    """Status, headers and body, from one way of serving or the other."""
    said: list[Message] = []
    sent = iter([{"type": "http.request", "body": body}])

    async def receive() -> Message:
        return next(sent, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        said.append(message)

    enter(RequestContext(request_id="the-same"))
    await server({**scope, "app": app, "headers": list(scope["headers"])}, receive, send)
    start, *bodies = said
    content = b"".join(message.get("body", b"") for message in bodies)
    return start["status"], sorted(start["headers"]), content
