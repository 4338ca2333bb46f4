"""Refusals that a caller can act on, as RFC 9457 problem documents.

    Problem
    ├── NotFound               404  what the URL names does not exist
    ├── InvalidRequest         422  the body, a parameter or a header is wrong
    ├── Overloaded             503  more work than this process takes on
    ├── DependencyUnavailable  503  a peer or the database is down or too slow
    └── …                           each service's own, beside its aggregate

A problem's type is its class name (`InsufficientStock` is `/problems/insufficient-stock`). The
first line of its docstring is its title, the rest says what its reader can do. Its annotations
declare the members of its document, which are given as keyword arguments; one with a default may
be missing:

    class SkuTaken(Problem, status=409):
        '''A product with this SKU exists already.

        Choose another SKU, or change the product by PUT or PATCH.
        '''

        sku: str
"""

import ast
import inspect
import re
from collections.abc import Mapping
from http import HTTPStatus
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import to_json
from starlette.responses import Response

from . import metrics
from .context import current

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Something went wrong."""

    status: int = 500
    slug: str = "internal-error"
    # Whether an idempotency key keeps this refusal. One that time may lift is not kept.
    remembered: bool = False
    retry_after: int | None = None

    _title = "Something went wrong."
    _remedy = ""

    def __init_subclass__(
        cls, *, status: int, remembered: bool | None = None, retry_after: int | None = None
    ) -> None:
        cls.status = status
        cls.slug = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        cls.remembered = status < 500 if remembered is None else remembered
        cls.retry_after = retry_after
        cls._title, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("\n")
        cls._remedy = " ".join(rest.split())

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail or self.title())
        # Who says nothing of this time says what to do about it, at least.
        self.detail = detail or f"{self.title()} {self.remedy()}".strip()
        self.members = members

    @classmethod
    def title(cls) -> str:
        return cls._title

    @classmethod
    def remedy(cls) -> str:
        """What the reader of this problem can do about it."""
        return cls._remedy

    @classmethod
    def members_schema(cls) -> dict[str, Any]:
        """The JSON schema of the members that are this problem's own, its models under `$defs`."""
        declared: dict[str, Any] = {
            name: (Annotated[kind, Field(description=about.get(name))], getattr(cls, name, ...))
            for each in reversed(cls.__mro__[: cls.__mro__.index(Problem)])
            for about in (_described(each),)
            for name, kind in inspect.get_annotations(each, eval_str=True).items()
        }
        model: Any = create_model(cls.__name__, __config__=ConfigDict(extra="allow"), **declared)
        schema: dict[str, Any] = model.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        return schema

    @classmethod
    def type_uri(cls) -> str:
        return f"/problems/{cls.slug}"

    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def document(self, instance: str) -> dict[str, Any]:
        return {
            "type": self.type_uri(),
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": current().request_id,
            **{name: value for name, value in self.members.items() if value is not None},
        }


def _described(problem: type[Problem]) -> dict[str, str]:
    """The docstrings below a class's annotations, by name."""
    (definition,) = ast.parse(dedent(inspect.getsource(problem))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        member.target.id: inspect.cleandoc(str(about.value.value))
        for member, about in pairwise(definition.body)
        if isinstance(member, ast.AnnAssign)
        and isinstance(member.target, ast.Name)
        and isinstance(about, ast.Expr)
        and isinstance(about.value, ast.Constant)
    }


class NotFound(Problem, status=404, remembered=False):
    """What the URL names does not exist.

    Check the path and the id in it. What belongs to somebody else is not found either.
    """


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    pointer: str = Field(
        description="A JSON pointer into the body; of a parameter or header, its name.",
        examples=["#/quantity"],
    )
    detail: str = Field(description="What is wrong there.")
    parameter: str | None = Field(None, description="The query parameter, where it is one.")
    header: str | None = Field(None, description="The header, where it is one.")


class InvalidRequest(Problem, status=422, remembered=False):
    """The request is not valid.

    Mend what `errors` names, and send it again.
    """

    errors: list[FieldError] | None = None
    """What is wrong, and where."""


class ContentTooLarge(Problem, status=413, remembered=False):
    """The body is larger than this endpoint takes.

    Send less at once: 1 MiB at most, 16 MiB to the bulk endpoints.
    """


class UnsupportedMediaType(Problem, status=415, remembered=False):
    """The body must be JSON, sent as application/json.

    Set Content-Type, and send the body as it is, not compressed. `Accept`, `Accept-Patch` or
    `Accept-Encoding` names what is read.
    """

    def __init__(self, detail: str | None = None, **takes: str) -> None:
        """`takes` are headers that name what is read, such as accept_encoding="identity"."""
        super().__init__(detail)
        self._takes = takes

    def headers(self) -> dict[str, str]:
        return {name.replace("_", "-").title(): value for name, value in self._takes.items()}


class RequestTimeout(Problem, status=408, remembered=False):
    """The body took too long to arrive.

    Send the request again, without pauses in its body.
    """


class PreconditionFailed(Problem, status=412, remembered=False):
    """The condition of If-Match or If-None-Match does not hold.

    Read the resource again, decide whether the change still makes sense, and send it with the new
    ETag. Where there is no ETag, leave the header out.
    """


class InternalError(Problem, status=500):
    """Something went wrong on our side; repeat the request with the same Idempotency-Key.

    If it goes on, tell the operator the request_id: the log has the cause under it.
    """


class Overloaded(Problem, status=503, retry_after=1):
    """This service has more work than it can take on; try again shortly.

    Wait for as long as Retry-After says and repeat the request, a POST with the same
    Idempotency-Key.
    """


class DependencyUnavailable(Problem, status=503, retry_after=1):
    """Something that this service needs is down or too slow; try again shortly.

    Nothing half-done stays behind. Wait for as long as Retry-After says and repeat the request, a
    POST with the same Idempotency-Key.
    """

    dependency: str
    """The service that does not answer, or PostgreSQL."""

    def __init__(self, dependency: str, detail: str | None = None) -> None:
        super().__init__(
            detail or f"{dependency} is down or too slow; try again shortly.",
            dependency=dependency,
        )

    def of(self, dependency: str) -> bool:
        return bool(self.members["dependency"] == dependency)


class DeadlineExceeded(Problem, status=503, retry_after=1):
    """The request ran out of time; repeat it with the same Idempotency-Key.

    What it began is finished or undone by itself; the repeated request tells which.
    """


class BadRequest(Problem, status=400, remembered=False):
    """The request is not valid HTTP.

    `detail` says what is wrong with it. Sent again unchanged, it is refused again.
    """


class MethodNotAllowed(Problem, status=405, remembered=False):
    """This path does not have this method.

    The header Allow names the methods that it has.
    """

    def __init__(self, allow: str) -> None:
        super().__init__(f"This path has {allow}.")
        self._allow = allow

    def headers(self) -> dict[str, str]:
        return {"Allow": self._allow}


class RequestHeaderFieldsTooLarge(Problem, status=431, remembered=False):
    """The head of the request is too large: its line, its headers, or how many these are.

    Send fewer and shorter headers and parameters: 64 KiB in all, and 100 headers.
    """


class HttpProblem(Problem, status=400):
    """The request cannot be answered.

    `detail` says what is wrong with it.
    """

    def __init__(self, status: int, detail: str | None = None) -> None:
        super().__init__(detail or HTTPStatus(status).phrase)
        self.status = status
        self.slug = HTTPStatus(status).phrase.lower().replace(" ", "-")


_BY_STATUS: dict[int, type[Problem]] = {
    404: NotFound,
    413: ContentTooLarge,
    415: UnsupportedMediaType,
}


def http_problem(status: int, detail: str | None = None) -> Problem:
    """The problem for a status that the framework chose."""
    if status == 400:
        return BadRequest(detail)
    known = _BY_STATUS.get(status)
    return known() if known else HttpProblem(status, detail)


def document_bytes(problem: Problem, instance: str) -> bytes:
    return to_json(problem.document(instance))


def problem_response(
    problem: Problem, instance: str, headers: Mapping[str, str] | None = None
) -> Response:
    """`instance` is the path that was asked for."""
    metrics.problem_answered(problem.slug)
    return Response(
        document_bytes(problem, instance),
        status_code=problem.status,
        headers={**problem.headers(), **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def invalid(pointer: str, detail: str) -> InvalidRequest:
    """One wrong field, named by JSON pointer, for a rule that a model cannot state."""
    return InvalidRequest(detail, errors=[{"pointer": pointer, "detail": detail}])


def invalid_parameter(name: str, detail: str) -> InvalidRequest:
    """One wrong parameter of the query string."""
    error = {"pointer": f"#/{name}", "detail": detail, "parameter": name}
    return InvalidRequest(f"{name}: {detail}", errors=[error])


def invalid_header(name: str, detail: str) -> InvalidRequest:
    """One wrong header."""
    error = {"pointer": f"#/{name}", "detail": detail, "header": name}
    return InvalidRequest(f"{name}: {detail}", errors=[error])
