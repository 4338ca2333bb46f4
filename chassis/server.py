"""Serves an application: the one place that says how, for processes and containers alike.

In a service's folder, `python -m chassis.server 8002 127.0.0.1` serves `app.main:app` on that
address, and without one on every.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn

from .connections import ClientConnection, most_connections

DRAIN_SECONDS = 8

ANYWHERE = "0.0.0.0"  # noqa: S104  # a container is reached from outside; dev mode refuses to listen here


def configured(app: Any, **where: Any) -> uvicorn.Config:
    """How an application, or the one that a string names, is served; `where` is host and port."""
    ClientConnection.most = most_connections()
    return uvicorn.Config(
        app,
        http=ClientConnection,
        ws="none",
        # A service that cannot start must end, not serve half of itself.
        lifespan="on",
        loop="auto",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **where,
    )


def serve(app: Any, sockets: list[socket.socket] | None = None, **where: Any) -> None:
    """Until a signal ends it."""
    uvicorn.Server(configured(app, **where)).run(sockets)


def main(arguments: Sequence[str]) -> None:
    port, host = (*arguments, ANYWHERE)[:2]
    # Who publishes a container knows better where it is called; where nobody says, it is here.
    os.environ["BIND_ADDRESS"] = os.environ.get("BIND_ADDRESS") or host
    sys.path.insert(0, "")
    serve("app.main:app", host=host, port=int(port))


if __name__ == "__main__":
    main(sys.argv[1:])
