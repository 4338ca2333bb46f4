"""If-Match and If-None-Match (RFC 9110, 13): what a caller takes for granted is never passed over.

What has an ETag is a `Tagged` model. GET and HEAD of one are answered as the two headers ask, and a
write sends the tag of what it made; neither takes a line in a service. A route that changes such a
thing asks for `PreconditionsOf`, and checks them against what stood there, in its unit of work. On
all other routes there is nothing to compare with, and the chassis says so (412).
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

# The tag of what has none: no header can name it, and `*` matches it.
UNTAGGED = "\x00"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_list = re.compile(r'[\s,]*(?:(?:W/)?"[^"]*"[\s,]*)+')
_opaque = re.compile(r'"([^"]*)"')
# What proxies that compress append to a tag: Apache, nginx, Jetty and others.
_appended = re.compile(r"(?:(?:--?|;)(?:gzip|br|zstd|deflate|df))+$")


class Tagged(Output):
    """A thing that has an ETag."""

    _tag: str = PrivateAttr("")

    def tagged(self, tag: object) -> Self:
        """With this tag, which differs from that of all that ever stood in its place."""
        self._tag = str(tag)
        return self

    @property
    def tag(self) -> str:
        return self._tag

    @property
    def etag(self) -> str:
        return f'"{self._tag}"'


def tag_of(changed_at: datetime) -> str:
    """The tag of what was last changed at this time: no two changes of a row have the same."""
    return str((changed_at - EPOCH) // timedelta(microseconds=1))


@dataclass(slots=True)
class Preconditions:
    """Those of one request, each as it was sent, its lines joined."""

    if_match: str | None = None
    if_none_match: str | None = None
    checked: bool = field(default=False, repr=False)

    @property
    def given(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    def check(self, tag: str | None) -> None:
        """`tag` is that of what stands there now; None where nothing does.

        Raises PreconditionFailed. What is written already is undone by that.
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
    """Whether a header names this tag. One that is malformed names none."""
    if tag is None:
        return False
    if header.strip() == "*":
        return True
    if not _list.fullmatch(header):
        return False
    return any(_appended.sub("", opaque) == tag for opaque in _opaque.findall(header))


NONE = Preconditions()
SAFE = frozenset({"GET", "HEAD"})

_asked: ContextVar[Preconditions] = ContextVar("preconditions", default=NONE)


def enter(headers: list[tuple[bytes, bytes]]) -> None:
    """Read those of a request."""
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
    """Whether a route checks them itself."""
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
    """The responses of a route that gives a `Tagged`, with its ETag."""
    etag = {"ETag": {"$ref": "#/components/headers/ETag"}}
    success = responses.get(status or 200, {})
    told = {**responses, (status or 200): {**success, "headers": etag}}
    if reads:
        told[304] = {"description": "As known.", "headers": etag}
    return told


async def obeying(
    call: Callable[..., Awaitable[Any]], arguments: dict[str, Any], *, reads: bool, checks: bool
) -> Any:
    """What a route's function gives, if what its caller takes for granted holds.

    `reads`: it changes nothing; `checks`: it checks for itself. Raises PreconditionFailed.
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
    """What was read, or 304 where the caller has it already. Raises PreconditionFailed."""
    tag = given.tag if isinstance(given, Tagged) else UNTAGGED
    Preconditions(if_match=asked.if_match).check(tag)
    # Without a tag there is nothing that anybody could have kept.
    if isinstance(given, Tagged) and _names(asked.if_none_match or "", tag):
        return Response(status_code=304, headers={"ETag": given.etag})
    return given
