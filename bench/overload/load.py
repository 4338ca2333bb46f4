"""Checkouts, offered by a clock (open loop) or as fast as a few shoppers can (closed loop).

A checkout is the order of a cart that was filled before, and its payment. The load runs in a
process of its own, and reports the CPU that it took.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import uvloop

from .wire import Service

# Nobody waits longer; what is under way by then counts as failed.
PATIENCE_SECONDS = 10.0
# So often the open loop looks who is due: to wake up for each of them takes CPU, which is the
# fleet's here. They are late by as much at most, and that counts.
TICK_SECONDS = 0.002
# A refused shopper of the closed loop rests this long, then starts a new checkout.
REST_SECONDS = 0.02

FILLING_AT_ONCE = 8
# More carts than even a fast machine's closed loop checks out in a second.
CARTS_A_SECOND = 300

COMPLETED = "completed"

_type = re.compile(rb'"type":"/problems/([a-z-]+)"')
_order_id = re.compile(rb'"order_id":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Checkout:
    """One checkout: when it was due, how long it took, and `completed` or what refused it
    (`cart overloaded`: the step and the problem). Times are seconds since the load began."""

    due: float
    seconds: float
    outcome: str


@dataclass(frozen=True)
class Load:
    """What was offered, and what became of it."""

    seconds: float
    checkouts: list[Checkout]
    cpu_seconds: float


@dataclass(frozen=True)
class Shop:
    """Where the services answer, and what is bought there by whom."""

    urls: Mapping[str, str]
    skus: list[str]
    customers: list[str]
    price: str


class Refused(Exception):
    """A step was not answered as a checkout needs it."""


class Shopper:
    """Orders a cart and pays for it. A refusal ends the checkout; nothing is tried again."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._services = {name: Service(shop.urls[name]) for name in ("cart", "order", "payment")}
        self._began = 0.0
        self._carts: list[str] = []
        self.done: list[Checkout] = []

    async def fill_carts(self, number: int) -> None:
        """Raises Refused."""
        self._carts = [str(uuid4()) for _ in range(number)]
        left = iter(self._carts)

        async def fill_on() -> None:
            for cart in left:
                item = b'{"sku":"%s","quantity":1}' % random.choice(self._shop.skus).encode()
                await self._step("cart", f"/carts/{cart}/items", item, cart)

        await asyncio.gather(*(fill_on() for _ in range(FILLING_AT_ONCE)))

    def begin(self) -> None:
        """Time is counted from now."""
        self._began = time.monotonic()

    async def buy(self, due: float) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._steps()
            outcome = COMPLETED
        except (Refused, OSError, TimeoutError) as error:
            outcome = str(error) or type(error).__name__
        self.done.append(Checkout(due, self.elapsed() - due, outcome))
        return outcome == COMPLETED

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def close(self) -> None:
        for service in self._services.values():
            service.close()

    async def _steps(self) -> None:
        cart = self._carts.pop()
        customer = random.choice(self._shop.customers)
        wanted = f'{{"customer_id":"{customer}","cart_id":"{cart}"}}'.encode()
        placed = await self._step("order", "/orders", wanted, cart)
        found = _order_id.search(placed)
        assert found is not None
        payment = (
            b'{"order_id":"%s","amount":"%s","currency":"EUR",'
            b'"method":{"type":"card","token":"tok_ok"}}'
        ) % (found[1], self._shop.price.encode())
        await self._step("payment", "/payments", payment, cart)

    async def _step(self, service: str, path: str, body: bytes, key: str) -> bytes:
        status, answer = await self._services[service].post(path, body, key)
        if status >= 300:
            problem = _type.search(answer)
            raise Refused(f"{service} {problem[1].decode() if problem else status}")
        return answer


def open_loop(shop: Shop, rate: float, seconds: float) -> Load:
    """Checkouts at random moments, `rate` a second on average, whatever becomes of them."""

    async def arrive(shopper: Shopper) -> None:
        due = random.expovariate(rate)
        async with asyncio.TaskGroup() as under_way:
            while due < seconds:
                # The load comes by the clock: that is what makes the loop an open one.
                await asyncio.sleep(TICK_SECONDS)
                while due < min(shopper.elapsed(), seconds):
                    under_way.create_task(shopper.buy(due))
                    due += random.expovariate(rate)

    return uvloop.run(_measured(shop, int(rate * seconds * 1.2) + 50, arrive))


def closed_loop(shop: Shop, shoppers: int, seconds: float) -> Load:
    """As many checkouts as that many shoppers manage, one after the other."""

    async def buy_on(shopper: Shopper) -> None:
        while (due := shopper.elapsed()) < seconds:
            if not await shopper.buy(due):
                await asyncio.sleep(REST_SECONDS)  # part of the load, see there

    async def arrive(shopper: Shopper) -> None:
        await asyncio.gather(*(buy_on(shopper) for _ in range(shoppers)))

    return uvloop.run(_measured(shop, int(CARTS_A_SECOND * seconds), arrive))


async def _measured(shop: Shop, carts: int, arrive: Callable[[Shopper], Awaitable[None]]) -> Load:
    shopper = Shopper(shop)
    try:
        await shopper.fill_carts(carts)
        shopper.begin()
        cpu = time.process_time()
        await arrive(shopper)
    finally:
        shopper.close()
    return Load(shopper.elapsed(), shopper.done, time.process_time() - cpu)
