"""Which route a request is for, and what becomes of what goes wrong there.

What no plan is made for (another path or method, the pages of documentation, a route that takes
something unusual) goes to FastAPI as ever.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from starlette.convertors import StringConvertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .plans import NotForeseen, Plan
from .strict import StrictRoute

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI


class Dispatch:
    """Serves the planned routes of these routers, and leaves the rest to `others`."""

    def __init__(self, app: "FastAPI", routers: "Iterable[APIRouter]", others: ASGIApp) -> None:
        self._app = app
        self.others = others
        # By method and first segment, in the order in which they were declared.
        self._plans: dict[tuple[str, str], list[tuple[re.Pattern[str], Plan]]] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, StrictRoute):
                    with suppress(NotForeseen):
                        self._add(route)

    def _add(self, route: StrictRoute) -> None:
        plan = Plan(route)
        if any(type(each) is not StringConvertor for each in route.param_convertors.values()):
            raise NotForeseen(route.path)
        for method in route.methods or ():
            key = (method, _first_segment(route.path))
            self._plans.setdefault(key, []).append((route.path_regex, plan))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        planned = self._planned(scope)
        if planned is None:
            await self.others(scope, receive, send)
            return
        plan, scope["path_params"] = planned
        scope["route"] = plan.route
        request = plan.route.strictly(scope, receive)
        try:
            response = await plan.answer(request)
        except Exception as error:
            response = await self._answer_to(error, request)
        await response(scope, receive, send)

    def _planned(self, scope: Scope) -> tuple[Plan, dict[str, str]] | None:
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        path = scope["path"]
        for pattern, plan in self._plans.get((scope["method"], _first_segment(path)), ()):
            if match := pattern.match(path):
                return plan, match.groupdict()
        return None

    async def _answer_to(self, error: Exception, request: Request) -> Response:
        """What the application's handlers say to it; one of them may raise something itself.

        Raises the error where there is no handler for it.
        """
        try:
            return await self._handled(error, request)
        except Exception as another:
            if another is error:
                raise
            return await self._handled(another, request)

    async def _handled(self, error: Exception, request: Request) -> Response:
        handlers = self._app.exception_handlers
        for kind in type(error).__mro__:
            # What nobody expected is for the edge, which logs it.
            if kind in handlers and kind is not Exception:
                # FastAPI takes plain functions as well; all of ours are coroutines.
                handle = cast(Callable[[Request, Exception], Awaitable[Response]], handlers[kind])
                return await handle(request, error)
        raise error


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1]
