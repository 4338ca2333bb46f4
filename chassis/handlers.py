"""What a client is told about whatever goes wrong while its request is served."""

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .database import ANY_FAILURE, POSTGRESQL, problem_of
from .idempotency import IdempotencyInProgress, IdempotencyKeyReused, Once, Replay
from .logs import log
from .openapi import field_error
from .problems import (
    DependencyUnavailable,
    InternalError,
    InvalidRequest,
    NotFound,
    Problem,
    http_problem,
    problem_response,
)


def install(app: FastAPI) -> None:
    """Have the application answer with problem documents, whatever is raised in it."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(Replay, _answer_replay)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    for kind in (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        app.add_exception_handler(kind, _answer_database_error)
    app.add_exception_handler(OSError, _answer_database_error)
    app.add_exception_handler(TimeoutError, _answer_database_error)
    app.add_exception_handler(Exception, _answer_unhandled)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    response = problem_response(error, request.scope["path"])
    once: Once | None = getattr(request.state, "once", None)
    if once is None or not once.key:
        return response
    try:
        if error.remembered:
            await once.refuse(response)
        elif _may_be_answered(error):
            await _look_for_answer(once)
    except Replay as replay:
        return replay.response
    return response


async def _look_for_answer(once: Once) -> None:
    """Raises Replay, or IdempotencyKeyReused. Where nobody can tell, the refusal stands."""
    try:
        await once.recall()
    except IdempotencyKeyReused:
        raise
    except ANY_FAILURE as failure:
        log.warning("key not looked up", why=type(failure).__name__)


def _may_be_answered(error: Problem) -> bool:
    """Whether the same request may have been answered before, so that what it meets now does not
    count: goods that it took itself are short, say, or a peer is away that it has asked then."""
    if isinstance(error, IdempotencyInProgress | IdempotencyKeyReused):
        return False
    by_peer = isinstance(error, DependencyUnavailable) and not error.of(POSTGRESQL)
    return error.status < 500 or by_peer


async def _answer_replay(_: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    return error.response


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = http_problem(error.status_code, error.detail)
    return problem_response(problem, request.scope["path"], error.headers)


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(found["loc"][0] == "path" for found in error.errors()):
        return problem_response(NotFound(), request.scope["path"])
    errors = [field_error(found) for found in error.errors()[:50]]
    summary = "; ".join(f"{found['pointer']}: {found['detail']}" for found in errors[:3])
    return problem_response(InvalidRequest(summary, errors=errors), request.scope["path"])


async def _answer_database_error(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem is None:
        log.error("database error", exc_info=error)
        problem = InternalError()
    elif isinstance(problem, DependencyUnavailable):
        log.warning("database unavailable", why=f"{type(error).__name__}: {error}")
    return problem_response(problem, request.scope["path"])


async def _answer_unhandled(request: Request, _: Exception) -> Response:
    """The edge logs it: here it is only put into words."""
    return problem_response(InternalError(), request.scope["path"])
