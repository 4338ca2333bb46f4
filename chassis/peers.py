"""Calls to other services: bounded in time, repeated in one place only, never believed blindly."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ValidationError

from . import metrics, tracing
from .context import REQUEST_ID, TIMEOUT, TRACEPARENT, TRACESTATE, current
from .problems import DependencyUnavailable
from .wires import FAILURES, Faked, Sockets, TooLarge, Wire

Reply = TypeVar("Reply", bound=BaseModel)

# What a request keeps of its time for saying that a peer has not answered, and for looking whether
# its key has an answer.
MARGIN_SECONDS = 0.15
RETRIES = 2

# A call that takes this long does not work, it waits.
SLOW_SECONDS = 0.5

# The headers by which a peer, named here, knows us.
Credentials = Callable[[str], dict[str, str]]

_encoder = json.JSONEncoder(default=str)
_decoder = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer said: its status, and its JSON with numbers read exactly."""

    peer: str
    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def problem(self) -> str:
        """The slug of the problem that the peer answered with; empty if there is none."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).removeprefix("/problems/")

    def read(self, model: type[Reply]) -> Reply:
        """The body as this model. Raises DependencyUnavailable when it is not that."""
        try:
            return model.model_validate(self.body)
        except ValidationError as error:
            raise nonsense(self.peer) from error

    def confirm(self, **members: object) -> None:
        """Raises DependencyUnavailable unless it is a success that names what it was about: a
        200 may come from something else that listens there."""
        if not self.ok:
            raise self.unexpected()
        told = self.body if isinstance(self.body, dict) else {}
        if any(told.get(name) != str(value) for name, value in members.items()):
            raise nonsense(self.peer)

    def unexpected(self) -> DependencyUnavailable:
        """For a status that the contract does not foresee here."""
        return DependencyUnavailable(
            self.peer, f"{self.peer} answered {self.status}, which is not understood here."
        )


def nonsense(peer: str) -> DependencyUnavailable:
    return DependencyUnavailable(peer, f"{peer} answered something that is not understood here.")


@dataclass(slots=True)
class RetryBudget:
    """Lets one call in ten be tried again, so that a failing peer is not called much more often.

    Every success earns a tenth of a retry; at most `cap` are saved up.
    """

    cap: float = 10.0
    tokens: float = field(default=10.0)

    def earn(self) -> None:
        self.tokens = min(self.cap, self.tokens + 0.1)

    def spend(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Peer:
    """One service that we call. Everything that we ask of a peer is safe to repeat."""

    def __init__(
        self,
        name: str,
        url: str,
        wire: Wire,
        timeout: float,
        credentials: Credentials,
    ) -> None:
        self.name = name
        self._url = url
        self._wire = wire
        self._credentials = credentials
        self._timeout = timeout
        self._budget = RetryBudget()
        self._in_trouble = False

    async def get(
        self, path: str, params: Mapping[str, Any] | list[tuple[str, str]] | None = None
    ) -> Answer:
        return await self.call("GET", path, params=params)

    async def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self.call("PUT", path, body=body)

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Answer:
        """`key` makes it repeatable, where the body does not carry an id of our choosing."""
        return await self.call("POST", path, body=body, key=key)

    async def delete(self, path: str) -> Answer:
        return await self.call("DELETE", path)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | list[tuple[str, str]] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Ask a peer. A 4xx is an answer for the caller to decide on.

        Raises DependencyUnavailable when the peer is down, slow, failing, or not making sense.
        """
        retries = RETRIES if current().outermost else 0
        for attempt in range(retries + 1):
            try:
                answer = await self._ask(method, path, params, body, key)
            except DependencyUnavailable:
                if attempt == retries or not self._budget.spend():
                    raise
                await self._back_off(attempt)
            else:
                self._budget.earn()
                return answer
        raise AssertionError("unreachable")

    async def _back_off(self, attempt: int) -> None:
        """Full jitter, so that callers that failed together do not return together."""
        pause = random.uniform(0.02, 0.1 * 2**attempt)
        if current().remaining() <= pause + MARGIN_SECONDS:
            raise DependencyUnavailable(self.name)
        await asyncio.sleep(pause)  # a retry at once would add to what is wrong there

    async def _ask(
        self, method: str, path: str, params: Any, body: Mapping[str, Any] | None, key: str | None
    ) -> Answer:
        seconds = min(self._timeout, current().remaining() - MARGIN_SECONDS)
        if seconds <= 0:
            raise DependencyUnavailable(self.name)
        if self._in_trouble:
            # It may hang this time as well: what does not need it need not wait for it.
            current().pause()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                with tracing.calling(self.name, method) as told:
                    headers = self._headers(key, seconds)
                    answer = await self._send(method, path, params, body, headers)
                    told(answer.status)
        except FAILURES as error:
            self._took(time.perf_counter() - started, method, "failed")
            raise DependencyUnavailable(self.name) from error
        self._took(time.perf_counter() - started, method, str(answer.status))
        if answer.status >= 500 or answer.status == 429:
            raise DependencyUnavailable(self.name)
        return answer

    def _headers(self, key: str | None, seconds: float) -> dict[str, str]:
        return {**_headers(key, seconds), **self._credentials(self.name)}

    def _took(self, seconds: float, method: str, outcome: str) -> None:
        self._in_trouble = outcome == "failed" or seconds > SLOW_SECONDS
        metrics.peer_called(self.name, method, outcome, seconds)

    async def _send(
        self,
        method: str,
        path: str,
        params: Any,
        body: Mapping[str, Any] | None,
        headers: dict[str, str],
    ) -> Answer:
        query = f"?{urlencode(params)}" if params else ""
        content = None if body is None else _encoder.encode(body).encode()
        try:
            status, raw = await self._wire.exchange(
                method, self._url + path + query, headers, content
            )
        except TooLarge as error:
            raise nonsense(self.name) from error
        return Answer(self.name, status, _parsed(raw, status, self.name))


def _parsed(raw: bytes, status: int, peer: str) -> Any:
    if not raw:
        return None
    try:
        return _decoder.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        if status >= 500:
            return None
        raise nonsense(peer) from error


def _headers(key: str | None, seconds: float) -> dict[str, str]:
    context = current()
    headers = {
        REQUEST_ID: context.request_id,
        TRACEPARENT: context.traceparent,
        TIMEOUT: str(max(1, int(seconds * 1000))),
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
    }
    if context.tracestate:
        headers[TRACESTATE] = context.tracestate
    return {**headers, "Idempotency-Key": key} if key else headers


def no_credentials(_: str) -> dict[str, str]:
    return {}


class Peers:
    """The peers of one service, by name. Each has a connection pool of its own, so that a slow
    one does not take the connections of the others."""

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
        credentials: Credentials = no_credentials,
    ) -> None:
        self._wires = {name: Faked(transport) if transport else Sockets() for name in urls}
        self._peers = {
            name: Peer(name, url, self._wires[name], timeout, credentials)
            for name, url in urls.items()
        }

    def __getitem__(self, name: str) -> Peer:
        return self._peers[name]

    async def close(self) -> None:
        for wire in self._wires.values():
            await wire.close()
