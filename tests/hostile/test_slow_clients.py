"""A thousand clients who are slow or silent, and shoppers who notice nothing of it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from conftest import metric
from fleet.services import BY_NAME
from tests.fleets import Fleet
from tests.shop import Shop
from tests.standstill import undisturbed

CLIENTS = 1000
CUT_OFF_SECONDS = 6.0
# By the server's own clock, which may have begun half a second late.
LATEST = "5.5"

HEAD = b"POST /carts HTTP/1.1\r\nHost: s\r\nContent-Length: 5000\r\n\r\n"
# What is said first, and what a little of now and then.
KINDS = (
    (b"", b""),
    (b"GET /livez HTTP/1.1\r\nHost: s\r\nX-Slow: ", b"x"),
    (HEAD + b"{", b" "),
    (b"GET /openapi.json HTTP/1.1\r\nHost: s\r\n\r\n" * 90, b"GET "),
)
# What they ask for has to be made, so these are fewer.
DEAF = 40


class SlowClient:
    """One of them; `seconds` is how long it was let stay, once that is known."""

    def __init__(self, kind: int, port: int) -> None:
        self._says, self._drop = KINDS[kind]
        self._port = port
        self.seconds: float | None = None

    async def attach(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            began = time.monotonic()
            with suppress(ConnectionError):
                await loop.sock_sendall(sock, self._says)
                await self._stay(sock)
            self.seconds = time.monotonic() - began

    async def _stay(self, sock: socket.socket) -> None:
        """Until the other side hangs up: a deaf client hears of that when it speaks."""
        loop = asyncio.get_running_loop()
        deaf = self._says == KINDS[-1][0]
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1 if deaf else 2):
                    if deaf:
                        await asyncio.Event().wait()
                    if not await loop.sock_recv(sock, 1000):
                        return
            await loop.sock_sendall(sock, self._drop)


@asynccontextmanager
async def attached(port: int) -> AsyncIterator[list[SlowClient]]:
    kinds = [3] * DEAF + [number % 3 for number in range(CLIENTS - DEAF)]
    clients = [SlowClient(kind, port) for kind in kinds]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.attach())
        yield clients


@undisturbed
async def test_a_thousand_of_them_harm_nobody(fleet: Fleet, shop: Shop) -> None:
    port = BY_NAME["cart"].port(fleet.base)
    before = await cut_off(shop)
    sku, bought, longest = await shop.product(), 0, 0.0
    async with asyncio.timeout(30), attached(port) as clients:
        while any(client.seconds is None for client in clients):
            began = time.monotonic()
            await shop.cart({sku: 1})  # fails at anything but a success
            bought, longest = bought + 1, max(longest, time.monotonic() - began)
    slowest = max(client.seconds or 0 for client in clients)
    # The deaf ones' answers have to be made first, and all are heard of as late as a purchase is.
    assert slowest < CUT_OFF_SECONDS + longest
    assert bought > 5
    for why, (all_of_them, in_time) in (await cut_off(shop)).items():
        assert all_of_them - before[why][0] == in_time - before[why][1] > 0


async def cut_off(shop: Shop) -> dict[str, tuple[float, float]]:
    """By reason: how many so far, and how many of them in time."""
    name = "http_server_connections_cut_off_seconds"
    return {
        why: (
            await metric(shop["cart"], f"{name}_count", why=why),
            await metric(shop["cart"], f"{name}_bucket", why=why, le=LATEST),
        )
        for why in ("head", "body", "reading")
    }
