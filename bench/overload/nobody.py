"""A load that is offered to nobody: it takes the machine what it takes to offer it, and no more.

Whoever answers refuses everything, as cheaply as a process in Python can.
"""

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import httptools
import uvloop

from .load import STEPS, Shop, offer_forever

BODY = b'{"type":"/problems/overloaded"}'
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)

CONTEXT = multiprocessing.get_context("spawn")


class Refusing(asyncio.Protocol):
    """Reads requests, and answers each with the same."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one, and does not say so.
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(REFUSAL)


@contextmanager
def offered_to_nobody(rate: float) -> Iterator[None]:
    """So many checkouts a second, while the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        shop = Shop(dict.fromkeys(STEPS, url), ["NOTHING"], ["nobody"], "0.00")
        processes = [
            CONTEXT.Process(target=_refuse, args=(listener,), daemon=True),
            CONTEXT.Process(target=offer_forever, args=(shop, rate), daemon=True),
        ]
        for process in processes:
            process.start()
        try:
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
                process.join()


def _refuse(listener: socket.socket) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Refusing, sock=listener)
        await server.serve_forever()

    uvloop.run(serve())
