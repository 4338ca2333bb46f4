"""What can be said of the log alone: whether every answer was one that may be given."""

import json
from collections.abc import Iterator
from typing import Any

from .log import Log, Reply, Request

MAY_FAIL_WITH = (503, 504)


def violations(log: Log) -> list[str]:
    found = list(log.complaints)
    for request in log.requests:
        found += [f"{request}: {what}" for what in _of(request)]
    return found


def _of(request: Request) -> Iterator[str]:
    if request.given_up:
        yield "nobody gave a lasting answer"
    for reply in request.replies:
        yield from _unfit(request, reply)
    if request.key:
        yield from _unequal(request)
        yield from _forgotten(request)


def _unfit(request: Request, reply: Reply) -> Iterator[str]:
    if reply.status >= 500 and reply.status not in MAY_FAIL_WITH:
        yield f"answered {reply.status}: {reply.body!r}"
    elif reply.status >= 500 and reply.retry_after is None:
        yield f"{reply.status} without Retry-After"
    elif reply.lasting and not reply.ok and reply.problem not in request.fine:
        yield f"refused with {reply.status} {reply.problem}: {reply.body!r}"


def kept(request: Request) -> list[Reply]:
    """The answers that the key keeps: not that a job is under way, nor that a retry failed."""
    return [
        reply
        for reply in request.acknowledged
        if reply.status != 202
        and not (request.path.endswith("/retry") and reply.json["status"] == "failed")
    ]


def impersonal(told: Any) -> Any:
    """An answer without what is blanked in it when its customer is erased."""
    if isinstance(told, list):
        return [impersonal(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {name: impersonal(told[name]) for name in sorted(told.keys() - PERSONAL)}


PERSONAL = frozenset({"shipping_address", "address", "reason", "location", "note", "last4"})


def without_persons(body: bytes) -> str | bytes:
    try:
        return json.dumps(impersonal(json.loads(body)))
    except ValueError:
        return body


def _unequal(request: Request) -> Iterator[str]:
    bodies = {reply.body for reply in kept(request)}
    if len(bodies) > 1 and len({without_persons(body) for body in bodies}) > 1:
        yield f"one key, {len(bodies)} answers: {sorted(bodies)}"


def _forgotten(request: Request) -> Iterator[str]:
    """Whatever is sent after an answer had come gets that answer, and is told so."""
    known = min((reply.got for reply in kept(request)), default=None)
    if known is None:
        return
    for reply in request.replies:
        if reply.sent > known and reply.lasting and not reply.replayed:
            yield f"answered before, and answered anew with {reply.status}: {reply.body!r}"
