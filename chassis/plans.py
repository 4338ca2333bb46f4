"""What a route takes and gives, laid out once, so that a request only has to follow it.

FastAPI reads the signatures of our routes and describes them in OpenAPI. To serve a request it
goes through them anew, which costs more than most routes do themselves. A plan makes the same
checks in the same order, and gives the same answers byte for byte: `tests/house/test_plans.py`
holds the two against each other.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi._compat import ModelField, field_annotation_is_sequence, lenient_issubclass
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from pydantic import BaseModel
from starlette.responses import Response

from .preconditions import Tagged
from .strict import MISSING, StrictRequest, StrictRoute


class NotForeseen(Exception):
    """A route takes or gives something that only FastAPI can serve."""


class Incoming:
    """One request on its way to a route's function."""

    __slots__ = ("body", "errors", "request", "response", "solved")

    def __init__(self, request: StrictRequest, body: Any) -> None:
        self.request = request
        self.body = body
        self.errors: list[dict[str, Any]] = []
        # What each dependency gave.
        self.solved: dict[Any, Any] = {}
        # Made where a function asks for it, to set headers on.
        self.response: Response | None = None


class Parameter:
    """One argument that comes with the request, and where it is found there."""

    def __init__(
        self, field: ModelField, location: tuple[str, ...], find: Callable[[Incoming, str], Any]
    ) -> None:
        self._field = field
        self._location = location
        self._find = find

    def take(self, incoming: Incoming, values: dict[str, Any]) -> None:
        """Put it among the values, checked, or what is wrong with it among the errors."""
        field = self._field
        given = self._find(incoming, self._location[-1])
        if given is not MISSING:
            value, wrong = field.validate(given, loc=self._location)
            incoming.errors.extend(wrong)
            values[field.name] = value
        elif field.field_info.is_required():
            incoming.errors.append(
                {"type": "missing", "loc": self._location, "msg": "Field required", "input": None}
            )
        else:
            values[field.name] = field.get_default()


def _in_path(incoming: Incoming, name: str) -> Any:
    return incoming.request.path_params[name]


def _in_query(incoming: Incoming, name: str) -> Any:
    return incoming.request.query_params.get(name, MISSING)


def _often_in_query(incoming: Incoming, name: str) -> Any:
    return incoming.request.query_params.getlist(name) or MISSING


def _in_headers(incoming: Incoming, name: str) -> Any:
    return incoming.request.headers.get(name, MISSING)


def _in_body(incoming: Incoming, _: str) -> Any:
    return incoming.body


def _parameters(dependant: Dependant) -> Iterator[Parameter]:
    for field in dependant.path_params:
        yield Parameter(field, ("path", field.alias), _in_path)
    for field in dependant.query_params:
        many = field_annotation_is_sequence(field.field_info.annotation)
        yield Parameter(field, ("query", field.alias), _often_in_query if many else _in_query)
    for field in dependant.header_params:
        yield Parameter(field, ("header", field.alias), _in_headers)
    for field in dependant.body_params:
        yield Parameter(field, ("body",), _in_body)


class Function:
    """A route's function, or one that it depends on, and its arguments."""

    def __init__(self, dependant: Dependant) -> None:
        if dependant.call is None or not _foreseen(dependant):
            raise NotForeseen(dependant.call)
        self.call = dependant.call
        self._needs = [(need.name, Function(need)) for need in dependant.dependencies]
        self._parameters = list(_parameters(dependant))
        self._request = dependant.request_param_name
        self._response = dependant.response_param_name

    async def arguments(self, incoming: Incoming) -> dict[str, Any]:
        """By name; not to be used where the request has errors then."""
        values: dict[str, Any] = {}
        for name, need in self._needs:
            await need.solve(incoming, name, values)
        for parameter in self._parameters:
            parameter.take(incoming, values)
        if self._request:
            values[self._request] = incoming.request
        if self._response:
            incoming.response = incoming.response or _aside()
            values[self._response] = incoming.response
        return values

    async def solve(self, incoming: Incoming, name: str | None, values: dict[str, Any]) -> None:
        """Put what it gives among the values; nothing where its arguments are wrong."""
        if self.call not in incoming.solved:
            wrong = len(incoming.errors)
            arguments = await self.arguments(incoming)
            if len(incoming.errors) > wrong:
                return
            incoming.solved[self.call] = await self.call(**arguments)
        if name is not None:
            values[name] = incoming.solved[self.call]


def _foreseen(dependant: Dependant) -> bool:
    params = (*dependant.path_params, *dependant.query_params, *dependant.header_params)
    return (
        inspect.iscoroutinefunction(dependant.call)
        and len(dependant.body_params) <= 1
        and dependant.concurrency is None
        and not dependant.cookie_params
        and not dependant.websocket_param_name
        and not dependant.http_connection_param_name
        and not dependant.background_tasks_param_name
        and not dependant.security_scopes_param_name
        and not any(lenient_issubclass(each.field_info.annotation, BaseModel) for each in params)
    )


def _aside() -> Response:
    """Takes the headers that a function sets on its answer. It is not sent itself, so all else
    that a response sets up is saved."""
    response = Response.__new__(Response)
    response.raw_headers = []
    return response


class Plan:
    """How one route is served. Raises NotForeseen where FastAPI has to do it."""

    def __init__(self, route: StrictRoute) -> None:
        self.route = route
        self._function = Function(route.dependant)
        self._status = route.status_code or 200
        self._gives = route.response_field
        if route._embed_body_fields or not isinstance(route.response_class, DefaultPlaceholder):  # noqa: SLF001  # FastAPI tells nowhere else that it wraps a body
            raise NotForeseen(route.path)

    async def answer(self, request: StrictRequest) -> Response:
        """Raises RequestValidationError, and whatever the route's function raises."""
        incoming = Incoming(request, await self.route.body_of(request))
        arguments = await self._function.arguments(incoming)
        if incoming.errors:
            raise RequestValidationError(incoming.errors)
        given = await self._function.call(**arguments)
        if isinstance(given, Response):
            return given
        response = Response(self._content(given), self._status, media_type="application/json")
        if isinstance(given, Tagged):
            response.headers["ETag"] = given.etag
        if incoming.response is not None:
            response.raw_headers.extend(incoming.response.raw_headers)
        return response

    def _content(self, given: Any) -> bytes:
        if self._gives is None:
            return b""
        value, wrong = self._gives.validate(given, loc=("response",))
        if wrong:
            raise ResponseValidationError(wrong, body=given)
        return self._gives.serialize_json(value)
