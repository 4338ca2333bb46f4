"""Query strings are as strict as bodies, on every route; what is empty counts as left out."""

import json
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from chassis.app import ServiceApp, load_app
from chassis.dispatch import Dispatch
from chassis.strict import StrictRoute
from tests.house.test_plans import ID, alone, answer, content, good_part, route_of, routes, tell

EVERY = pytest.mark.parametrize(("folder", "method", "path"), list(routes()))


class Asked:
    """One route, with nothing behind it, asked with good requests but for their query."""

    def __init__(
        self, folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.service = load_app(folder)
        self.route = route_of(self.service, method, path)
        self.method = method
        monkeypatch.setattr(self.route.dependant, "call", tell)
        self.app = alone(self.route)
        others = FastAPI.build_middleware_stack(self.app)
        self.servers: tuple[ASGIApp, ...] = (Dispatch(self.app, [self.app.router], others), others)

    @property
    def required(self) -> list[str]:
        """`a=1` for each parameter that is required."""
        return [
            f"{field.alias}=TEA-1"
            for field in self.route.dependant.query_params
            if field.field_info.is_required()
        ]

    async def ask(self, *query: bytes) -> list[tuple[int, Any]]:
        """The status and the body, from one way of serving and the other."""
        return [await asked(self, server, b"&".join(query)) for server in self.servers]

    async def good(self, *query: bytes) -> list[tuple[int, Any]]:
        return await self.ask(*(each.encode() for each in self.required), *query)


async def asked(one: Asked, server: ASGIApp, query: bytes) -> tuple[int, Any]:
    path = one.route.path
    for field in one.route.dependant.path_params:
        path = path.replace(f"{{{field.alias}}}", good_part(field.field_info.annotation))
    body = good_body(one.service, one.route, one.method)
    scope = {
        "type": "http",
        "method": one.method,
        "path": path,
        "query_string": query,
        "headers": [(b"content-type", b"application/json")],
    }
    status, _, said = await answer(one.app, server, scope, body)
    return status, json.loads(said) if status >= 400 else said


def good_body(service: ServiceApp, route: StrictRoute, method: str) -> bytes:
    return content(service, route, method, Random(0), good=True)


@EVERY
async def test_an_unknown_parameter_is_named(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Asked(folder, method, path, monkeypatch)
    assert [status for status, _ in await one.good()] == [200, 200]
    for name in ("customerId", "page", "_", "Limit", "a.b"):
        for status, problem in await one.good(f"{name}=1".encode()):
            assert (status, problem["type"]) == (422, "/problems/invalid-request")
            (error,) = problem["errors"]
            assert (error["pointer"], error["parameter"]) == (f"#/{name}", name)
            assert name in problem["detail"]
        for status, _ in await one.good(f"{name}=".encode()):
            assert status == 422
    for malformed in (b"%", b"a=%zz", b"a=%ff", b"a=\xff", b"a=%ed%a0%80", b"a=%c3"):
        for status, _ in await one.good(malformed):
            assert status == 422, malformed


@EVERY
async def test_an_empty_parameter_counts_as_left_out(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Asked(folder, method, path, monkeypatch)
    fields = one.route.dependant.query_params
    optional = [field for field in fields if not field.field_info.is_required()]
    plain = await one.good()
    assert await one.good(*(f"{field.alias}=".encode() for field in optional)) == plain
    for field in fields:
        if field not in optional:
            for status, _ in await one.ask(f"{field.alias}=".encode()):
                assert status == 422


@EVERY
async def test_a_parameter_of_one_value_is_given_once(
    folder: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Asked(folder, method, path, monkeypatch)
    for field in one.route.dependant.query_params:
        if field.alias == "sku":
            twice = await one.good(b"sku=A", b"sku=", b"sku=B")
            assert [status for status, _ in twice] == [200, 200]
            assert twice == await one.good(b"sku=A", b"sku=B")
            continue
        value = f"{field.alias}={ID}".encode()
        for status, problem in await one.ask(value, value):
            assert (status, problem["errors"][0]["parameter"]) == (422, field.alias)
