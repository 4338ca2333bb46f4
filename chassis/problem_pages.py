"""The pages of problems: what each type means and what to do about it, at the path that is its
type."""

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .fields import Output
from .openapi import OPERATIONS, refusals
from .pages import page
from .problems import NotFound, Problem

router = APIRouter(tags=[OPERATIONS])

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
<p>{remedy}</p>
<p>Status {status}, type <code>{type}</code>{members}.</p>
"""


class ProblemType(Output):
    """A type of problem, with advice for its reader."""

    type: str
    title: str
    """What is wrong, the same for each of this type."""
    status: int
    what_to_do: str
    """What the reader of such a problem can do about it."""
    members: list[str]
    """Members that a document of this type has beside the usual ones."""


class ProblemTypes(Output):
    items: list[ProblemType]
    """Every type of problem of this service, by name."""


def of_service(home: Path) -> dict[str, type[Problem]]:
    """All problems of the service in this folder, by the end of their type."""
    ours = {"chassis", "app", home.name}
    return {
        each.slug: each
        for each in sorted(_below(Problem), key=lambda each: each.slug)
        if each.__module__.partition(".")[0] in ours
    }


def _below(kind: type[Problem]) -> set[type[Problem]]:
    return {each for sub in kind.__subclasses__() for each in (sub, *_below(sub))}


# Once: it reads the source of each, which takes a while, and anybody may ask.
@cache
def types_of(home: Path) -> dict[str, ProblemType]:
    """The problems of the service in this folder, by the end of their type."""
    return {slug: described(each) for slug, each in of_service(home).items()}


def described(problem: type[Problem]) -> ProblemType:
    return ProblemType(
        type=problem.type_uri(),
        title=problem.title(),
        status=problem.status,
        what_to_do=problem.remedy(),
        members=list(problem.members_schema().get("properties", {})),
    )


@router.get("/problems")
async def list_problems(request: Request) -> ProblemTypes:
    """Every type of problem that this service answers with."""
    return ProblemTypes(items=list(types_of(request.app.state.folder).values()))


@router.get(
    "/problems/{slug}",
    response_model=ProblemType,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}},
        **refusals(NotFound),
    },
)
async def read_problem(slug: str, request: Request) -> Any:
    """What a type of problem means, and what to do about it. A browser gets it as a page."""
    found = types_of(request.app.state.folder).get(slug)
    if found is None:
        raise NotFound(f"This service has no problem of the type /problems/{slug}.")
    if "text/html" not in request.headers.get("accept", ""):
        return found
    return as_page(found)


def as_page(found: ProblemType) -> Response:
    members = ", ".join(f"<code>{escape(name)}</code>" for name in found.members)
    return page(
        PAGE.format(
            title=escape(found.title),
            remedy=escape(found.what_to_do),
            status=found.status,
            type=escape(found.type),
            members=f", with {members}" if members else "",
        ),
        vary="Accept",
    )
