"""A body is an object. Nothing else passes for one, on any route, whichever way it is served."""

import json

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from chassis.app import ServiceApp, load_app
from chassis.dispatch import Dispatch
from chassis.strict import StrictRoute
from tests.house.test_plans import alone, answer, good_part, route_of, routes, tell

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


async def sent(
    app: ServiceApp, server: ASGIApp, route: StrictRoute, method: str, body: bytes
) -> tuple[int, dict[str, list[dict[str, str]]]]:
    path = route.path
    for field in route.dependant.path_params:
        path = path.replace(f"{{{field.alias}}}", good_part(field.field_info.annotation))
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b""}
    status, _, content = await answer(app, server, {**scope, "headers": headers}, body)
    return status, json.loads(content) if status == 422 else {}


def test_every_service_has_a_route_with_a_body() -> None:
    assert len({folder for folder, _, _ in WITH_BODY}) == 10
