"""The order service as a peer sees it: what it answers about the orders that it was given."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx


class OrderPeer:
    """Answers `GET /orders/{id}`, and what is below it, at the transport. `trouble` answers
    instead where it is set; `asked` counts the calls."""

    def __init__(self) -> None:
        self.placed: dict[str, dict[str, Any]] = {}
        self.trouble: Callable[[httpx.Request], httpx.Response] | None = None
        self.asked = 0

    def hold(self, **members: object) -> str:
        """Have an order with these members. Returns its id."""
        order_id = str(uuid4())
        self.placed[f"/orders/{order_id}"] = {"order_id": order_id, **members}
        return order_id

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/subject-requests":  # of a sweep, and none of ours
            return httpx.Response(200, json={"items": []})
        self.asked += 1
        if self.trouble:
            return self.trouble(request)
        order = self.placed.get("/".join(request.url.path.split("/")[:3]))
        return httpx.Response(200, json=order) if order else httpx.Response(404, json={})
