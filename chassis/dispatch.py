"""Which route a request is for, and what becomes of what goes wrong there.

HEAD is answered like GET; the server leaves the body out. OPTIONS, and methods that a path does not
have, are answered here for all routes.

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

from .heads import ASTERISK
from .methods import EVERY, Methods
from .plans import NotForeseen, Plan
from .problems import BadRequest, MethodNotAllowed, problem_response
from .strict import StrictRoute

if TYPE_CHECKING:
    from fastapi import APIRouter

    from .app import ServiceApp


class Dispatch:
    """Serves the planned routes of these routers, and leaves the rest to `others`."""

    def __init__(self, app: "ServiceApp", routers: "Iterable[APIRouter]", others: ASGIApp) -> None:
        self._app = app
        self.others = others
        routers = list(routers)
        self._methods = Methods(
            [*(each for router in routers for each in router.routes), *app.routes]
        )
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
            await self._unplanned(scope, receive, send)
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
        path, method = scope["path"], scope["method"]
        key = ("GET" if method == "HEAD" else method, _first_segment(path))
        for pattern, plan in self._plans.get(key, ()):
            if match := pattern.match(path):
                return plan, match.groupdict()
        return None

    async def _unplanned(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.others(scope, receive, send)
            return
        response = self._answer_to_method(scope)
        if response is not None:
            await response(scope, receive, send)
        elif scope["method"] == "HEAD":
            get = {**scope, "method": "GET"}
            try:
                await self.others(get, receive, send)
            finally:
                scope["route"] = get.get("route")
        else:
            await self.others(scope, receive, send)

    def _answer_to_method(self, scope: Scope) -> Response | None:
        """The answer to OPTIONS, to a wrong method and to a target without a path; None for all
        other requests."""
        path, method = scope["path"], scope["method"]
        if not path.startswith("/"):
            if (method, path) == ("OPTIONS", ASTERISK.decode()):
                return Response(status_code=204, headers={"Allow": EVERY})
            return problem_response(BadRequest("The target must be a path."), path)
        found = self._methods.of(path)
        if found is None:
            return None
        if method == "OPTIONS":
            scope["route"] = found.route
            origin = dict(scope["headers"]).get(b"origin")
            preflight = self._app.cors.preflight(origin, found.allow)
            return Response(status_code=204, headers={**found.headers(), **preflight})
        if method not in found.methods:
            scope["route"] = found.route
            return problem_response(MethodNotAllowed(found.allow), path)
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
    """Empty where the target is no path."""
    return path.split("/", 2)[1] if path.startswith("/") else ""
