"""The same load, offered to nobody: what it takes from the machine, and not from the fleet's work.

Load and fleet share a machine here. To make a load, and to take it in and answer it as shortly as
can be, costs the same whether a fleet is overloaded by it or not.
"""

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from multiprocessing.synchronize import Event
from typing import cast
from uuid import uuid4

import uvloop

from .load import Phase, Shop, Shopper, offer
from .wire import post

# As long as a service's refusal.
ANSWER = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 400\r\n\r\n" + b" " * 400

BACKLOG = 512
BEGUN_SECONDS = 10.0
FOREVER_SECONDS = 3600.0


@contextmanager
def placebo(rate: float) -> Iterator[None]:
    """For as long as the block lasts, `rate` checkouts a second are begun and refused."""
    spawn = multiprocessing.get_context("spawn")
    begun = spawn.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        port = listener.getsockname()[1]
        processes = [
            spawn.Process(target=_refuse, args=(listener,), daemon=True),
            spawn.Process(target=_offer, args=(port, rate, begun), daemon=True),
        ]
        for process in processes:
            process.start()
        try:
            if not begun.wait(BEGUN_SECONDS):
                raise TimeoutError("The load that is offered to nobody does not begin.")
            yield
        finally:
            for process in processes:
                process.terminate()
                process.join()


class _Nobody(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one, and does not say so.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" in data:  # a request is one packet, and has one head
            self._transport.write(ANSWER)


def _refuse(listener: socket.socket) -> None:
    async def listen() -> None:
        server = await asyncio.get_running_loop().create_server(_Nobody, sock=listener)
        await server.serve_forever()

    uvloop.run(listen())


def _offer(port: int, rate: float, begun: Event) -> None:
    async def offer_on() -> None:
        urls = dict.fromkeys(("cart", "order", "payment"), f"http://127.0.0.1:{port}")
        shopper = Shopper(Shop(urls, [], [], ""))
        body = f'{{"customer_id":"{uuid4()}","cart_id":"{uuid4()}"}}'.encode()
        shopper.take_carts(repeat((post("/orders", body, str(uuid4())), "")))
        shopper.begin()
        begun.set()
        await offer(shopper, [Phase(rate, FOREVER_SECONDS)])

    uvloop.run(offer_on())
