"""A body is an object. Nothing else passes for one, on any route, whichever way it is served."""

import json
from random import Random
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from chassis import Changes, Input
from chassis.app import ServiceApp, load_app
from chassis.dispatch import Dispatch
from chassis.media import MERGE_PATCH
from chassis.strict import StrictRoute
from tests.house.test_plans import alone, answer, content, good_part, route_of, routes, tell

NO_OBJECT = (
    b"6.90", b"1.5", b"1e3", b"-0.0", b"7", b"0", b"true", b"false", b'"x"', b'""', b'"{}"',
    b"[]", b"[{}]", b"[1.5]",
)  # fmt: skip

WITH_BODY = [
    (folder, method, path)
    for folder, method, path in routes()
    if route_of(load_app(folder), method, path).body_field
]


@pytest.mark.parametrize(("folder", "method", "path"), WITH_BODY)
async def test_only_an_object_is_a_body(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = route_of(load_app(folder), method, path)
    monkeypatch.setattr(route.dependant, "call", tell)
    app = alone(route)
    others = FastAPI.build_middleware_stack(app)
    for server in (Dispatch(app, [app.router], others), others):
        for body in NO_OBJECT:
            status, document = await sent(app, server, route, method, body)
            assert status == 422, (body, document)
            assert document["errors"][0]["pointer"] == "#", body
        status, document = await sent(app, server, route, method, b"null")
        field = route.body_field
        assert field
        # As nothing at all, where nothing will do.
        assert status == (422 if field.field_info.is_required() else 200), document


@pytest.mark.parametrize(("folder", "method", "path"), WITH_BODY)
async def test_a_patch_is_a_merge_patch_too(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = load_app(folder)
    route = route_of(service, method, path)
    monkeypatch.setattr(route.dependant, "call", tell)
    app = alone(route)
    others = FastAPI.build_middleware_stack(app)
    body = content(service, route, method, Random(path), good=True)
    for server in (Dispatch(app, [app.router], others), others):
        for kind in (MERGE_PATCH, f"{MERGE_PATCH}; charset=UTF-8"):
            status, _ = await sent(app, server, route, method, body, kind)
            assert status == (200 if method == "PATCH" else 415)
        assert (await sent(app, server, route, method, body, "application/json"))[0] == 200
        assert (await sent(app, server, route, method, body, "application/x+json"))[0] == 415
    taken = service.openapi()["paths"][path][method.lower()]["requestBody"]["content"]
    assert (MERGE_PATCH in taken) == (method == "PATCH")


async def sent(
    app: ServiceApp,
    server: ASGIApp,
    route: StrictRoute,
    method: str,
    body: bytes,
    content_type: str = "application/json",
) -> tuple[int, dict[str, list[dict[str, str]]]]:
    path = route.path
    for field in route.dependant.path_params:
        path = path.replace(f"{{{field.alias}}}", good_part(field.field_info.annotation))
    headers = [(b"content-type", content_type.encode())]
    scope = {"type": "http", "method": method, "path": path, "query_string": b""}
    status, _, said = await answer(app, server, {**scope, "headers": headers}, body)
    return status, json.loads(said) if status == 422 else {"said": [{"said": said.decode()}]}


def test_what_is_empty_in_a_patch_is_null() -> None:
    tried = set()
    for folder, method, path in WITH_BODY:
        if method == "PATCH":
            body = route_of(load_app(folder), method, path).body_field
            assert body
            kind: Any = body.field_info.annotation
            assert issubclass(kind, Changes), path
            tried.add(folder)
    assert tried >= {"customerService", "product_catalogueService"}


def test_every_service_has_a_route_with_a_body() -> None:
    assert len({folder for folder, _, _ in WITH_BODY}) == 10


@pytest.mark.parametrize(("folder", "method", "path"), WITH_BODY)
async def test_an_optional_member_that_is_empty_counts_as_left_out(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = load_app(folder)
    route = route_of(service, method, path)
    monkeypatch.setattr(route.dependant, "call", tell)
    app = alone(route)
    dispatch = Dispatch(app, [app.router], FastAPI.build_middleware_stack(app))
    good = json.loads(content(service, route, method, Random(path), good=True))
    body = route.body_field
    assert body
    kind: Any = body.field_info.annotation
    model = next(each for each in (*get_args(kind), kind) if issubclass(each, Input))
    optional = {name for name, info in model.model_fields.items() if not info.is_required()}
    # A PATCH tells what is left out from what is null, and null is what removes.
    left_out = dict.fromkeys(optional) if method == "PATCH" else {}
    required = {name: value for name, value in good.items() if name not in optional}
    told = [
        await sent(app, dispatch, route, method, json.dumps({**required, **others}).encode())
        for others in (left_out, dict.fromkeys(optional, ""))
    ]
    assert told[0] == told[1]
    assert told[0][0] == 200 or method == "PATCH"
    for name in model.model_fields.keys() - optional:
        empty = json.dumps({**required, name: ""}).encode()
        assert (await sent(app, dispatch, route, method, empty))[0] == 422, name
