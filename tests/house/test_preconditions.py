"""No route passes over what its caller takes for granted, whether it has an ETag or not."""

import json
from random import Random
from typing import Any
from unittest.mock import sentinel

import pytest
from fastapi import FastAPI
from starlette.responses import Response

from chassis import preconditions
from chassis.app import load_app
from chassis.auth import Gate
from chassis.dispatch import Dispatch
from chassis.strict import StrictRoute
from chassis.tokens import Callers
from tests.house.test_plans import ID, alone, answer, content, good_part, route_of, routes

# What has an ETag, and so checks for itself; GETs are checked by what they give.
CHECKED = {
    ("product_catalogueService", "PUT", "/products/{sku}"),
    ("product_catalogueService", "PATCH", "/products/{sku}"),
    ("product_catalogueService", "DELETE", "/products/{sku}"),
    ("cartService", "POST", "/carts/{cart_id}/items"),
    ("cartService", "PUT", "/carts/{cart_id}/items/{sku}"),
    ("cartService", "DELETE", "/carts/{cart_id}/items/{sku}"),
    ("cartService", "POST", "/carts/{cart_id}/merge"),
    ("cartService", "DELETE", "/carts/{cart_id}"),
    ("customerService", "PATCH", "/customers/{customer_id}"),
    ("customerService", "DELETE", "/customers/{customer_id}"),
    ("warehouseService", "PUT", "/stock/{sku}"),
    ("warehouseService", "POST", "/stock/{sku}/adjustments"),
    ("searchService", "PUT", "/index/{sku}"),
    ("searchService", "DELETE", "/index/{sku}"),
}
READ = {
    ("product_catalogueService", "GET", "/products/{sku}"),
    ("cartService", "GET", "/carts/{cart_id}"),
    ("customerService", "GET", "/customers/{customer_id}"),
    ("warehouseService", "GET", "/stock/{sku}"),
    ("searchService", "GET", "/index/{sku}"),
}
OTHERS = sorted(set(routes()) - CHECKED)


def test_these_check_for_themselves() -> None:
    found = {each for each in routes() if preconditions.taken_by(route(*each).dependant)}
    assert found == CHECKED
    tagged = {each for each in routes() if preconditions.is_tagged(route(*each).response_model)}
    assert {each for each in tagged if each[1] == "GET"} == READ
    for folder, method, path in CHECKED | READ:
        operation = load_app(folder).openapi()["paths"][path][method.lower()]
        assert {"If-Match", "If-None-Match"} <= {each["name"] for each in operation["parameters"]}
        assert "412" in operation["responses"]
        assert ("304" in operation["responses"]) == (method == "GET")
    for folder, method, path in tagged:
        responses = load_app(folder).openapi()["paths"][path][method.lower()]["responses"]
        assert "ETag" in responses[min(responses)]["headers"], path


def route(folder: str, method: str, path: str) -> StrictRoute:
    return route_of(load_app(folder), method, path)


@pytest.mark.parametrize(("folder", "method", "path"), OTHERS)
@pytest.mark.parametrize("way", ["planned", "by FastAPI"])
async def test_where_nothing_can_be_compared_nothing_matches(
    folder: str, method: str, path: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, called = route(folder, method, path), []

    async def tell(**_: Any) -> Response:
        called.append(path)
        return Response("done")

    monkeypatch.setattr(one, "function", tell)
    app = alone(one)
    others = FastAPI.build_middleware_stack(app)
    server = others if way == "by FastAPI" else Dispatch(app, [app.router], others)
    body = content(load_app(folder), one, method, Random(path), good=True)
    reads = method == "GET"
    for headers, fails in (
        ([], False),
        ([("if-match", '"1"')], True),
        ([("if-match", 'W/"1", "2"')], True),
        ([("if-match", "1")], True),
        ([("if-match", "")], True),
        ([("if-match", "*"), ("if-match", '"1"')], True),
        ([("if-match", "*")], False),
        ([("if-none-match", '"1"')], False),
        # What is asked is there; it is not made by asking.
        ([("if-none-match", "*")], not reads),
    ):
        called.clear()
        status, problem = await asked(app, server, one, method, headers, body)
        assert status == (412 if fails else 200), (headers, problem)
        if fails:
            assert problem["type"] == "/problems/precondition-failed"
        assert len(called) == (reads or not fails), "nothing is done where it fails"


async def asked(
    app: Any, server: Any, one: StrictRoute, method: str, headers: list[Any], body: bytes
) -> tuple[int, Any]:
    path = one.path
    for field in one.dependant.path_params:
        path = path.replace(f"{{{field.alias}}}", good_part(field.field_info.annotation))
    query = "&".join(
        f"{field.alias}=TEA-1"
        for field in one.dependant.query_params
        if field.field_info.is_required()
    )
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (b"content-type", b"application/json"),
            *((name.encode(), value.encode()) for name, value in headers),
        ],
    }
    status, _, said = await answer(app, server, scope, body)
    return status, json.loads(said) if status >= 400 else said


async def test_a_route_that_forgets_to_check_is_noticed() -> None:
    async def forgets() -> None:
        return None

    preconditions.enter([(b"if-match", b'"1"')])
    with pytest.raises(RuntimeError):
        await preconditions.obeying(forgets, {}, reads=False, checks=True)
    preconditions.enter([])


@pytest.mark.parametrize("folder", ["orderService", "paymentService", "fulfilmentService"])
async def test_what_the_chassis_serves_itself_passes_over_nothing(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one route that is included, rather than planned."""
    app = load_app(folder)
    included = FastAPI.build_middleware_stack(app)
    gate = Gate(enforced=False, services=Callers("any", {}), people=None)
    monkeypatch.setattr(app.state, "gate", gate, raising=False)
    monkeypatch.setattr(app.state, "database", sentinel.database, raising=False)
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/parked/{ID}/retry",
        "query_string": b"",
        "headers": [(b"if-match", b'"1"')],
    }
    status, _, said = await answer(app, included, scope, b"")
    assert (status, json.loads(said)["type"]) == (412, "/problems/precondition-failed")
