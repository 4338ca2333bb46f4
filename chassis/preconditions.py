"""If-Match and If-None-Match (RFC 9110, 13): a precondition is never ignored.

A resource with an ETag is a `Tagged` model. The chassis compares the headers on GET and HEAD, and
sends the new ETag with the answer to a write; services have no code for either. A route that
changes such a resource takes `PreconditionsOf`, and checks them against the row as it was, in its
unit of work. On all other routes there is no ETag to compare with, and the chassis answers 412.
"""

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from pydantic import PrivateAttr
from starlette.responses import Response

from .fields import Output
from .problems import PreconditionFailed

# Stands for the tag of a resource that has none: no header can name it, and `*` matches it.
UNTAGGED = "\x00"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_list = re.compile(r'[\s,]*(?:(?:W/)?"[^"]*"[\s,]*)+')
_opaque = re.compile(r'"([^"]*)"')
# Suffixes that compressing proxies append to a tag: Apache, nginx, Jetty and others.
_appended = re.compile(r"(?:(?:--?|;)(?:gzip|br|zstd|deflate|df))+$")


class Tagged(Output):
    """A resource that has an ETag."""

    _tag: str = PrivateAttr("")

    def tagged(self, tag: object) -> Self:
        """Set its tag, which no other version of the resource may have. Returns itself."""
        self._tag = str(tag)
        return self

    @property
    def tag(self) -> str:
        return self._tag

    @property
    def etag(self) -> str:
        return f'"{self._tag}"'


def tag_of(changed_at: datetime) -> str:
    """The tag of a row that was last changed at this time, to the microsecond."""
    return str((changed_at - EPOCH) // timedelta(microseconds=1))


@dataclass(slots=True)
class Preconditions:
    """The two headers of one request, as they were sent; several of one name are joined."""

    if_match: str | None = None
    if_none_match: str | None = None
    checked: bool = field(default=False, repr=False)

    @property
    def given(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    def check(self, tag: str | None) -> None:
        """Compare with the tag before this request; None where there was no resource.

        Raises PreconditionFailed, which also undoes the unit of work.
        """
        self.checked = True
        if self.if_match is not None and not _names(self.if_match, tag):
            raise PreconditionFailed(_why(tag))
        if self.if_none_match is not None and _names(self.if_none_match, tag):
            raise PreconditionFailed(_why(tag))


def _why(tag: str | None) -> str:
    match tag:
        case None:
            return "There is nothing here now."
        case "\x00":
            return "There is no ETag here that could be compared."
    return f'The ETag is "{tag}" now.'


def _names(header: str, tag: str | None) -> bool:
    """Whether a header names this tag. A malformed header names none."""
    if tag is None:
        return False
    if header.strip() == "*":
        return True
    if not _list.fullmatch(header):
        return False
    return any(_appended.sub("", opaque) == tag for opaque in _opaque.findall(header))


NONE = Preconditions()

_asked: ContextVar[Preconditions] = ContextVar("preconditions", default=NONE)


def enter(headers: list[tuple[bytes, bytes]]) -> None:
    """Read the two headers of a request."""
    given: dict[bytes, str] = {}
    for name, value in headers:
        if name in (b"if-match", b"if-none-match"):
            line = value.decode("latin-1")
            given[name] = f"{given[name]}, {line}" if name in given else line
    _asked.set(
        Preconditions(given.get(b"if-match"), given.get(b"if-none-match")) if given else NONE
    )


async def _of_request() -> Preconditions:
    return _asked.get()


PreconditionsOf = Annotated[Preconditions, Depends(_of_request)]


def taken_by(dependant: Dependant) -> bool:
    """Whether a route takes `PreconditionsOf`, and so checks them itself."""
    return any(need.call is _of_request for need in dependant.dependencies)


PARAMETERS = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": description,
    }
    for name, description in (
        ("If-Match", "Only where the ETag of now is one of these; `*`: only where there is one."),
        ("If-None-Match", "Only where the ETag of now is none of these; `*`: where there is none."),
    )
]


def is_tagged(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Tagged)


def described(
    responses: dict[int | str, Any], status: int | None, reads: bool
) -> dict[int | str, Any]:
    """The responses of a route that returns a `Tagged`, with their ETag, for the OpenAPI page."""
    etag = {"ETag": {"$ref": "#/components/headers/ETag"}}
    success = responses.get(status or 200, {})
    told = {**responses, (status or 200): {**success, "headers": etag}}
    if reads:
        told[304] = {"description": "As known.", "headers": etag}
    return told


async def obeying(
    call: Callable[..., Awaitable[Any]], arguments: dict[str, Any], *, reads: bool, checks: bool
) -> Any:
    """Call a route's function, and return its result, unless a precondition fails.

    `reads`: the function changes nothing; `checks`: it checks them itself. Raises
    PreconditionFailed.
    """
    asked = _asked.get()
    if not asked.given:
        return await call(**arguments)
    if reads:
        return _as_asked(await call(**arguments), asked)
    if not checks:
        asked.check(UNTAGGED)
    given = await call(**arguments)
    if not asked.checked:
        raise RuntimeError("a route takes preconditions and does not check them")
    return given


def _as_asked(given: Any, asked: Preconditions) -> Any:
    """The result, or 304 if the caller has this version. Raises PreconditionFailed."""
    tag = given.tag if isinstance(given, Tagged) else UNTAGGED
    Preconditions(if_match=asked.if_match).check(tag)
    # Without a tag, nobody can have kept a version.
    if isinstance(given, Tagged) and _names(asked.if_none_match or "", tag):
        return Response(status_code=304, headers={"ETag": given.etag})
    return given
