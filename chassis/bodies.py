"""Waits for a request's body before anything else: a slow client takes no place in line.

Where tokens are required, the token is checked first: no body is held for a caller without one.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .strict import MAX_BODY_BYTES
from .verbs import SAFE


class WholeBody:
    """Hands a request on when its body is there, or as much of it as is held for a request that may
    still be refused. The connection cuts off a client that takes too long.

    A request without a valid token is handed on at once, and refused unread.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_body = scope["type"] == "http" and scope["method"] not in SAFE
        if has_body and await scope["app"].state.gate.believes(scope):
            receive = Arrived(await arrival(receive), receive)
        await self.app(scope, receive, send)


class Arrived:
    """What has come is told again, then what still comes."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages[::-1]
        self._receive = receive

    async def __call__(self) -> Message:
        return self._messages.pop() if self._messages else await self._receive()


async def arrival(receive: Receive) -> list[Message]:
    """All that comes of a body, up to what we hold; or that its client has gone."""
    messages = [await receive()]
    size = len(messages[0].get("body", b""))
    while messages[-1].get("more_body", False) and size <= MAX_BODY_BYTES:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
    return messages
