"""Calls that are shown as they are made: the curl line to repeat them, and the answer."""

import json
import os
import shlex
from typing import Any

from . import console
from .client import Answer, Client
from .failure import Failure

WIDTH = 96


class Narrator:
    """Asks the fleet in front of an audience. Every refusal ends the show with a Failure."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def chapter(self, title: str) -> None:
        console.say(f"\n{title}\n", console.BOLD)

    async def get(self, service: str, path: str) -> Any:
        console.say(f"{_curl()} {shlex.quote(self._client.urls[service] + path)}", console.GREEN)
        return self._show(await self._client.ask("GET", service, path))

    async def post(
        self, service: str, path: str, body: Any, key: str | None = None, shown: str | None = None
    ) -> Any:
        """`shown` is the shell's word for a body that is too long to print."""
        url = shlex.quote(self._client.urls[service] + path)
        data = shown or shlex.quote(json.dumps(body, ensure_ascii=False))
        headers = ["Content-Type: application/json", *([f"Idempotency-Key: {key}"] if key else [])]
        options = [f"-H {shlex.quote(header)}" for header in headers]
        console.say(" \\\n  ".join([f"{_curl()} {url}", *options, f"-d {data}"]), console.GREEN)
        return self._show(await self._client.ask("POST", service, path, body, key))

    def _show(self, answer: Answer) -> Any:
        if not answer.ok:
            raise Failure(f"{answer.status}\n{pretty(answer.body)}")
        console.say(f"{pretty(answer.body)}\n")
        return answer.body


def _curl() -> str:
    """A token is not shown: who pastes the line has it."""
    return "curl -s" + (' -H "Authorization: Bearer $TOKEN"' if os.environ.get("TOKEN") else "")


def pretty(value: Any, indent: str = "") -> str:
    """JSON for reading: what fits on a line stays on it."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent) + len(flat) <= WIDTH:
        return flat
    inner = f"{indent}  "
    if isinstance(value, dict):
        rows = [f"{json.dumps(name)}: {pretty(each, inner)}" for name, each in value.items()]
    else:
        rows = [pretty(each, inner) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(inner + row for row in rows) + f"\n{indent}{closing}"
