"""Makes the OpenAPI page whole: every status, problem and header that a client can meet."""

from collections.abc import Iterable, Sequence
from typing import Any

from .auth import CHALLENGE, InvalidToken, NotAdmitted, Unauthenticated
from .idempotency import REPLAYED, IdempotencyInProgress, IdempotencyKeyReused
from .problems import (
    MEDIA_TYPE,
    ContentTooLarge,
    DeadlineExceeded,
    DependencyUnavailable,
    InternalError,
    InvalidRequest,
    NotFound,
    Overloaded,
    Problem,
    RequestTimeout,
    UnsupportedMediaType,
)
from .rates import TooManyRequests

PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "An RFC 9457 problem document; a problem may add members of its own.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
REQUEST_HEADERS = {
    "RequestId": ("X-Request-ID", "Names this request in logs and answers; minted if left out."),
    "Traceparent": ("traceparent", "W3C trace context; minted if left out."),
}
RESPONSE_HEADERS = {
    "X-Request-ID": "The id of this request.",
    "traceparent": "W3C trace context of this request.",
    "Location": "Where the created thing is.",
    "Retry-After": "Seconds after which to try again.",
    REPLAYED: "true when this is the stored answer to an earlier request with the same key.",
    "RateLimit": "Where requests are limited: how many this caller has left, and for how long.",
    "RateLimit-Policy": "Where requests are limited: how many in how many seconds.",
    "ETag": "The version of what is answered.",
    CHALLENGE: "What kind of token is needed, or what is wrong with this one.",
}

SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A person's access token, or a service's; the names beside it are the roles and the "
            "services that an operation admits. With AUTH_MODE=dev it may be left out."
        ),
    }
}

Responses = dict[int | str, dict[str, Any]]


def refusals(*problems: type[Problem]) -> Responses:
    """The `responses=` of a route that answers with these problems."""
    responses: Responses = {}
    for problem in problems:
        _add(responses, problem)
    return responses


def pointer(location: Sequence[str | int]) -> str:
    """A validation error's place as a JSON pointer into the body, or the parameter's name."""
    parts = location[1:] if len(location) > 1 else ()
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    components["headers"] = {
        name: {"description": about, "schema": {"type": "string"}}
        for name, about in RESPONSE_HEADERS.items()
    }
    components["parameters"] = {
        name: {"name": header, "in": "header", "description": about, "schema": {"type": "string"}}
        for name, (header, about) in REQUEST_HEADERS.items()
    }
    components["securitySchemes"] = SECURITY_SCHEMES
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete_operation(path, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    takes_key = any(p.get("name") == "Idempotency-Key" for p in operation.get("parameters", ()))
    for problem in _common_problems(path, operation, takes_key):
        _add(responses, problem)
    parameters = operation.setdefault("parameters", [])
    parameters.extend({"$ref": f"#/components/parameters/{name}"} for name in REQUEST_HEADERS)
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        for name in _headers_of(str(status), takes_key):
            headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})
    operation["responses"] = dict(sorted(responses.items(), key=lambda entry: str(entry[0])))


def _common_problems(
    path: str, operation: dict[str, Any], takes_key: bool
) -> Iterable[type[Problem]]:
    yield from (Overloaded, DependencyUnavailable, DeadlineExceeded, InternalError)
    if "security" in operation:
        yield from (Unauthenticated, InvalidToken, NotAdmitted)
    if "operations" not in operation.get("tags", ()):
        yield TooManyRequests
    if operation.get("parameters") or "requestBody" in operation:
        yield InvalidRequest
    if "{" in path:
        yield NotFound
    if "requestBody" in operation:
        yield from (RequestTimeout, ContentTooLarge, UnsupportedMediaType)
    if takes_key:
        yield from (IdempotencyKeyReused, IdempotencyInProgress)


def _headers_of(status: str, takes_key: bool) -> Iterable[str]:
    yield from ("X-Request-ID", "traceparent")
    if status == "201":
        yield "Location"
    if status in ("401", "403"):
        yield CHALLENGE
    if status == "429":
        yield from ("RateLimit", "RateLimit-Policy")
    if status in ("429", "503") or (status == "409" and takes_key):
        yield "Retry-After"
    if takes_key and status < "500":
        yield REPLAYED


def _add(responses: dict[Any, dict[str, Any]], problem: type[Problem]) -> None:
    """Add one problem beside those that its status has already."""
    status = str(problem.status)
    key = int(status) if int(status) in responses else status
    response = responses.setdefault(key, {"description": ""})
    known = [line for line in response["description"].split("\n\n") if line.startswith("`")]
    line = f"`{problem.type_uri()}`: {problem.title()}"
    if line not in known:
        response["description"] = "\n\n".join([*known, line])
    content = response.setdefault("content", {}).setdefault(MEDIA_TYPE, {})
    content["schema"] = {"$ref": "#/components/schemas/Problem"}
