"""The pages of problems: what each type means and what to do about it, at the path that is its
type."""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .fields import Output
from .openapi import OPERATIONS, Responses, refusals
from .pages import page
from .problems import NotFound, Problem

router = APIRouter(tags=[OPERATIONS])

# Named in a text.
MEMBER = re.compile(r"`([^`]+)`")

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
<p>{remedy}</p>
<p>Status {status}, type <code>{type}</code>{members}.</p>
<p><a href="/problems">All problems</a> · <a href="/docs">The service</a></p>
"""

LIST = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Problems</title>
<h1>Problems</h1>
<ul>
{items}
</ul>
<p><a href="/docs">The service</a></p>
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


HTML: Responses = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/problems", response_model=ProblemTypes, responses=HTML)
async def list_problems(request: Request, response: Response) -> Any:
    """Every type of problem that this service answers with. A browser gets a page."""
    types = types_of(request.app.state.folder).values()
    if wants_html(request):
        return as_list(types)
    response.headers["Vary"] = "Accept"
    return ProblemTypes(items=list(types))


@router.get(
    "/problems/{slug}", response_model=ProblemType, responses={**HTML, **refusals(NotFound)}
)
async def read_problem(slug: str, request: Request, response: Response) -> Any:
    """What a type of problem means, and what to do about it. A browser gets it as a page."""
    found = types_of(request.app.state.folder).get(slug)
    if found is None:
        raise NotFound(f"This service has no problem of the type /problems/{slug}.")
    if wants_html(request):
        return as_page(found)
    response.headers["Vary"] = "Accept"
    return found


def wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def as_list(types: Iterable[ProblemType]) -> Response:
    rows = (
        f'<li><a href="{escape(each.type)}">{escape(each.title)}</a> ({each.status})'
        for each in types
    )
    return page(LIST.format(items="\n".join(rows)), vary="Accept")


def as_page(found: ProblemType) -> Response:
    members = ", ".join(f"<code>{escape(name)}</code>" for name in found.members)
    return page(
        PAGE.format(
            title=escape(found.title),
            remedy=MEMBER.sub(r"<code>\1</code>", escape(found.what_to_do)),
            status=found.status,
            type=escape(found.type),
            members=f", with {members}" if members else "",
        ),
        vary="Accept",
    )
