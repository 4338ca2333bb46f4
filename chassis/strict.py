"""Bodies read strictly: JSON only, numbers exactly, nothing that PostgreSQL cannot store."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import wraps
from typing import Any, NoReturn

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from . import media, preconditions
from .audit_log import entry_of
from .callers import admitted_by, security
from .context import current
from .parameters import NONE, Parameters
from .problems import ContentTooLarge, InvalidRequest, invalid
from .verbs import SAFE

MAX_BODY_BYTES = 1024 * 1024
MAX_BULK_BYTES = 16 * MAX_BODY_BYTES

# Nothing was sent, which is not the same as null.
MISSING = object()


class StrictRequest(Request):
    """A request whose body is bounded in size."""

    max_body_bytes = MAX_BODY_BYTES
    # Those of the query string, once its route has read it.
    parameters = NONE

    @property
    def query_params(self) -> QueryParams:
        return self.parameters

    async def body(self) -> bytes:
        """The whole body, once. Raises ContentTooLarge, or InvalidRequest where the client hangs
        up before its end.

        What is too large is still read, up to four times the limit, and thrown away: a client
        that is cut off while it sends does not read the answer.
        """
        if not hasattr(self, "_body"):
            chunks, size = [], 0
            try:
                async for chunk in self.stream():
                    size += len(chunk)
                    if size > 4 * self.max_body_bytes:
                        break
                    if size <= self.max_body_bytes:
                        chunks.append(chunk)
            except ClientDisconnect:
                # Nobody reads this answer; but it is no failure of ours, to be logged as one.
                raise invalid("#", "The body was cut off.") from None
            if size > self.max_body_bytes:
                raise ContentTooLarge(f"The body is larger than {self.max_body_bytes} bytes.")
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The body as JSON, once. Raises InvalidRequest where it is not exactly that."""
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def parse(raw: bytes) -> Any:
    try:
        return _decoder.decode(raw.decode("utf-8-sig"))
    except InvalidRequest:
        raise
    except UnicodeDecodeError:
        raise invalid("#", "The body is not UTF-8.") from None
    except RecursionError:
        raise invalid("#", "The body is nested too deeply.") from None
    except ValueError as error:
        raise invalid("#", f"The body is not JSON: {error}.") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        # Readers differ in which of the two they take.
        raise invalid("#", f"The body has the member {json.dumps(twice[:64])} twice.")
    return members


def _exact(literal: str) -> Decimal:
    number = Decimal(literal)
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise invalid("#", "A number is too large or too small.")
    return number


def _refuse_constant(literal: str) -> NoReturn:
    raise invalid("#", f"{literal} is not a JSON number.")


# json.loads would make one each time.
_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_exact, parse_constant=_refuse_constant
)


class StrictRoute(APIRoute):
    """Lets in whom the route admits, reads the body through StrictRequest, and refuses a body
    that is not sent as JSON."""

    max_body_bytes = MAX_BODY_BYTES

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.function = endpoint

        # Around the function itself, so that it holds with a plan and without.
        @wraps(endpoint)
        async def obey(**arguments: Any) -> Any:
            return await preconditions.obeying(
                self.function, arguments, reads=self._reads, checks=self._checks
            )

        super().__init__(path, obey, **options)
        self._parameters = Parameters(self.dependant)
        self._reads = SAFE.issuperset(self.methods or ())
        self._checks = preconditions.taken_by(self.dependant)
        self.admitted = admitted_by(endpoint)
        self.openapi_extra = {**(self.openapi_extra or {}), "security": security(self.admitted)}
        if preconditions.is_tagged(self.response_model):
            self.responses = preconditions.described(self.responses, self.status_code, self._reads)
        if self._checks or (preconditions.is_tagged(self.response_model) and self._reads):
            self.openapi_extra["parameters"] = preconditions.PARAMETERS

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = self.strictly(request.scope, request.receive)
            # Read here: FastAPI would turn a refusal of ours into a bare 400.
            await self.body_of(strict)
            return await handle(strict)

        return handle_strictly

    def strictly(self, scope: Scope, receive: Receive) -> StrictRequest:
        request = StrictRequest(scope, receive)
        request.max_body_bytes = self.max_body_bytes
        return request

    async def body_of(self, request: StrictRequest) -> Any:
        """The body, parsed, where the route takes one: an object, or null. MISSING where there is
        none. Before that, the caller is let in, and the query string is read.

        Raises what Gate.admit does, TooManyRequests, ContentTooLarge, UnsupportedMediaType, or
        InvalidRequest.
        """
        state, context = request.app.state, current()
        await state.gate.admit(self.admitted)
        context.entry = entry_of(
            request.scope, self.path, context.caller, context.request_id, state.audit_table
        )
        request.app.rates.take(request.scope)
        preconditions.enter(request.scope["headers"])
        request.parameters = self._parameters.read(request.scope["query_string"])
        if self.body_field is None or not await request.body():
            return MISSING
        media.check(request)
        body = await request.json()
        if not isinstance(body, dict | None):
            # FastAPI would take a Decimal for an object without members.
            raise invalid("#", "The body must be a JSON object.")
        return body


class BulkRoute(StrictRoute):
    """For bodies of many rows."""

    max_body_bytes = MAX_BULK_BYTES


class Router(APIRouter):
    """A router whose routes are strict; `bulk` lets their bodies be larger."""

    def __init__(self, *, bulk: bool = False, **options: Any) -> None:
        super().__init__(route_class=BulkRoute if bulk else StrictRoute, **options)
