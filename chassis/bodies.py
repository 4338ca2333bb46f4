"""Waits for a request's body before all else: who sends it slowly takes no place in line."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import RequestTimeout
from .strict import MAX_BODY_BYTES

BODY_SECONDS = 5.0

BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class WholeBody:
    """Hands a request on when its body is there, or as much of it as we hold for strangers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in BODILESS:
            receive = Arrived(await arrival(receive), receive)
        await self.app(scope, receive, send)


class Arrived:
    """What has come is told again, then what still comes."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages[::-1]
        self._receive = receive

    async def __call__(self) -> Message:
        if not self._messages:
            return await self._receive()
        message = self._messages.pop()
        if message["type"] == "timeout":
            raise RequestTimeout()
        return message


async def arrival(receive: Receive) -> list[Message]:
    """All that comes of a body in time, up to what we hold; with a mark where time ran out."""
    messages: list[Message] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while size <= MAX_BODY_BYTES:
                message = await receive()
                messages.append(message)
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        messages.append({"type": "timeout"})
    return messages
