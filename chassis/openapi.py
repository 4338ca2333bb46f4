"""Completes the OpenAPI page: every status, problem and header that a client can meet, in the form
that client generators read best."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .auth import CHALLENGE, InvalidToken, NotAdmitted, Unauthenticated
from .fields import without_null
from .hosts import CrossSiteRequest, MisdirectedRequest
from .idempotency import REPLAYED, IdempotencyInProgress, IdempotencyKeyReused
from .media import MERGE_PATCH
from .problems import (
    MEDIA_TYPE,
    BadRequest,
    ContentTooLarge,
    DeadlineExceeded,
    DependencyUnavailable,
    InternalError,
    InvalidRequest,
    NotFound,
    Overloaded,
    PreconditionFailed,
    Problem,
    RequestHeaderFieldsTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)
from .rates import TooManyRequests
from .verbs import SAFE

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

INTERNAL = "internal"
OPERATIONS = "operations"

LICENCE = {"name": "MIT", "identifier": "MIT"}

# Rules of all operations, described once.
CONVENTIONS = """
Every request may carry `X-Request-ID` (1 to 64 of `A-Z a-z 0-9 . _ -`) and W3C `traceparent` with
`tracestate`. They are logged and passed on, minted where they are left out, and the answer names
both.

Errors are problem documents (RFC 9457). `type` is a path of this service that says what the problem
means and what to do about it: `GET` it. `GET /problems` lists them all.

Texts are kept in NFC, trimmed, and without what is invisible. An optional member or parameter that
is `""` counts as left out; in a PATCH, as null. Members and parameters that are not known are
refused.

`If-Match` and `If-None-Match` are obeyed where there is an `ETag`. Where there is none, `If-Match`
with anything but `*` is refused (412).
"""

TAGS = {
    INTERNAL: "Calls of the other services. Not for clients.",
    OPERATIONS: "For whoever runs the service.",
}

DOCUMENT_MEMBERS = {
    "title": {"type": "string", "description": "What is wrong, the same for each of this type."},
    "detail": {"type": "string", "description": "What is wrong this time."},
    "instance": {"type": "string", "description": "The path that was asked for."},
    "request_id": {"type": "string", "description": "Names this request in the logs."},
}

RESPONSE_HEADERS = {
    "X-Request-ID": "The id of this request.",
    "traceparent": "W3C trace context of this request.",
    "Location": "Where the created thing is.",
    "Retry-After": "Seconds after which to try again.",
    REPLAYED: "true when this is the stored answer to an earlier request with the same key.",
    "RateLimit": "Where requests are limited: how many this caller has left, and for how long.",
    "RateLimit-Policy": "Where requests are limited: how many in how many seconds.",
    "ETag": "The version of what is answered, for If-Match and If-None-Match.",
    CHALLENGE: "What kind of token is needed, or what is wrong with this one.",
}

SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A person's access token, or a service's; the names beside it are the roles and the "
            "services that an operation admits."
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


def operation_id(service: str, route: "APIRoute") -> str:
    """The name of a route's function; for routes that all services have, the service's name
    first."""
    module = route.endpoint.__module__
    shared = module.startswith("chassis.") and not module.startswith("chassis.tests.")
    return f"{service}_{route.name}" if shared else route.name


def said(error: Mapping[str, Any]) -> str:
    """The message of a validation error, in words that do not suppose Python."""
    if error["type"] == "missing" and error["loc"] == ("body",):
        return "The body is missing: send a JSON object."
    if error["type"] == "extra_forbidden":
        return "There is no such member here."
    if error["type"] == "too_long" and error["ctx"]["field_type"] == "Value":
        return f"Text should have at most {error['ctx']['max_length']} characters"
    return str(error["msg"]).removeprefix("Value error, ")


def field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """A validation error, as a problem document names it."""
    found = {"pointer": pointer(error["loc"]), "detail": said(error)}
    match error["loc"][0]:
        case "query":
            found["parameter"] = str(error["loc"][1])
        case "header":
            found["header"] = str(error["loc"][1])
    return found


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's page, with all that FastAPI cannot know."""
    document = _named(document)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = SECURITY_SCHEMES
    info, about = document["info"], document["info"].get("description", "")
    document["info"] = {**info, "license": LICENCE, "description": f"{about}\n{CONVENTIONS}"}
    document["tags"] = _tags(document, about)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
            if method == "patch":
                content = operation["requestBody"]["content"]
                content[MERGE_PATCH] = content["application/json"]
            _lift_problems(operation, schemas)
    for schema in schemas.values():
        if schema.get("additionalProperties") is False:
            _tell_defaults(schema)
    used = str(document["paths"])
    components["headers"] = {
        name: {"description": about, "schema": {"type": "string"}}
        for name, about in RESPONSE_HEADERS.items()
        if f"#/components/headers/{name}'" in used
    }
    return document


def _named(document: dict[str, Any]) -> dict[str, Any]:
    """`ProductPage` where a page of products would be called `Page_Product_`."""
    named = re.sub(r"\bPage(?:_(\w+)_|\[(\w+)\])(?=\")", r"\1\2Page", json.dumps(document))
    page: dict[str, Any] = json.loads(named)
    return page


def served(document: Mapping[str, Any], server: str, *, tokens: bool) -> dict[str, Any]:
    """The page with this server. Without `tokens`, which are not needed then, it asks for none."""
    page = {**document, "servers": [{"url": server}]}
    if not tokens:
        others = {k: v for k, v in document["components"].items() if k != "securitySchemes"}
        page["components"] = others
        page["paths"] = {
            path: {method: {**operation, "security": []} for method, operation in methods.items()}
            for path, methods in document["paths"].items()
        }
    return page


def _tags(document: dict[str, Any], about: str) -> list[dict[str, str]]:
    names = {
        tag
        for operations in document["paths"].values()
        for operation in operations.values()
        for tag in operation.get("tags", ())
    }
    # What the service is for comes first.
    ordered = sorted(names, key=lambda name: (name in TAGS, name))
    return [{"name": name, "description": TAGS.get(name, about)} for name in ordered]


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        parameter["schema"] = without_null(parameter["schema"])
    takes_key = any(parameter["name"] == "Idempotency-Key" for parameter in parameters)
    operation.setdefault("security", [])
    for problem in _common_problems(path, method, operation, takes_key):
        _add(responses, problem)
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = "Done."
        headers = response.setdefault("headers", {})
        for name in _headers_of(str(status), takes_key):
            headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})
    operation["responses"] = dict(sorted(responses.items(), key=lambda entry: str(entry[0])))


def _tell_defaults(body: dict[str, Any]) -> None:
    """Move defaults of members into their descriptions: generators take a member with a default for
    a required one."""
    for member in body.get("properties", {}).values():
        if "default" in member:
            told = f"`{json.dumps(member.pop('default'))}` if left out."
            member["description"] = f"{member.get('description', '')} {told}".strip()


def _common_problems(
    path: str, method: str, operation: dict[str, Any], takes_key: bool
) -> Iterable[type[Problem]]:
    yield from (Overloaded, DependencyUnavailable, DeadlineExceeded, InternalError)
    yield from (BadRequest, MisdirectedRequest, RequestHeaderFieldsTooLarge)
    if method.upper() not in SAFE:
        yield CrossSiteRequest
    if operation["security"]:
        # Of the query string, which every route reads.
        yield from (Unauthenticated, InvalidToken, NotAdmitted, InvalidRequest)
        # Where there is no ETag, none can match.
        yield PreconditionFailed
    if OPERATIONS not in operation.get("tags", ()):
        yield TooManyRequests
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
    if line in known:
        return
    response["description"] = "\n\n".join([*known, line])
    content = response.setdefault("content", {}).setdefault(MEDIA_TYPE, {})
    content.setdefault("schema", {}).setdefault("oneOf", []).append(schema_of(problem))


# Many operations answer with the same ones.
_schemas: dict[type[Problem], dict[str, Any]] = {}


def schema_of(problem: type[Problem]) -> dict[str, Any]:
    """The JSON schema of a problem's document; models of its members are under `$defs`."""
    if problem not in _schemas:
        _schemas[problem] = _made(problem)
    return _schemas[problem]


def _made(problem: type[Problem]) -> dict[str, Any]:
    own = problem.members_schema()
    members = {name: without_null(member) for name, member in own.get("properties", {}).items()}
    return {
        "title": problem.__name__,
        "description": f"{problem.title()} {problem.remedy()}".strip(),
        "type": "object",
        "required": ["type", "status", *DOCUMENT_MEMBERS, *own.get("required", ())],
        "properties": {
            "type": {"type": "string", "const": problem.type_uri()},
            "status": {"type": "integer", "const": problem.status},
            **DOCUMENT_MEMBERS,
            **members,
        },
        "$defs": own.get("$defs", {}),
    }


def _lift_problems(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move the schemas of an operation's problems to the page's components."""
    for response in operation["responses"].values():
        content = response.get("content", {}).get(MEDIA_TYPE)
        if content is None:
            continue
        found = {}
        for schema in content["schema"]["oneOf"]:
            own = {name: value for name, value in schema.items() if name != "$defs"}
            schemas.update({**schema["$defs"], own["title"]: own})
            type_uri = own["properties"]["type"]["const"]
            found[type_uri] = f"#/components/schemas/{own['title']}"
        choices = [{"$ref": ref} for ref in found.values()]
        content["schema"] = (
            choices[0]
            if len(choices) == 1
            else {
                "oneOf": choices,
                "discriminator": {"propertyName": "type", "mapping": found},
            }
        )
