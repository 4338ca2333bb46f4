"""Waits for a request's body before all else: who sends it slowly takes no place in line.

But for the token, where one is asked for: nothing is held for whoever shows none.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .strict import MAX_BODY_BYTES

BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class WholeBody:
    """Hands a request on when its body is there, or as much of it as we hold for one that may
    still be refused. Who takes too long over it is cut off by the connection.

    Without a token that is believed, it is handed on at once, to be refused unread.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_body = scope["type"] == "http" and scope["method"] not in BODILESS
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
