"""Checkouts, offered by a clock (open loop) or as fast as a few shoppers can (closed loop).

A checkout is the order of a cart that was filled before, and its payment. The load runs in a
process of its own, and reports the CPU that it took.
"""

import asyncio
import os
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import uvloop

from .wire import Answer, Service, post

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

    checkouts: list[Checkout]
    # Of the load itself, in each of its phases.
    cpu_cores: list[float]

    def part(self, began: float, ended: float) -> list[Checkout]:
        """Those that were due between these two seconds."""
        return [each for each in self.checkouts if began <= each.due < ended]


@dataclass(frozen=True)
class Phase:
    """So many checkouts a second, for so many seconds."""

    rate: float
    seconds: float


# The request that orders a cart, and the key to pay under.
Order = tuple[bytes, str]


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
        self._began = self._cpu = 0.0
        self._asked: set[asyncio.Future[Answer]] = set()
        self._orders: Iterator[Order] = iter(())
        self.done: list[Checkout] = []
        self.cpu_cores: list[float] = []

    async def fill_carts(self, number: int) -> None:
        """Raises Refused."""
        carts = [str(uuid4()) for _ in range(number)]
        left = iter(carts)

        async def fill_on() -> None:
            for cart in left:
                item = b'{"sku":"%s","quantity":1}' % random.choice(self._shop.skus).encode()
                answer = await self._services["cart"].ask(post(f"/carts/{cart}/items", item, cart))
                _taken("cart", answer)

        await asyncio.gather(*(fill_on() for _ in range(FILLING_AT_ONCE)))
        self.take_carts([(self._order_of(cart), cart) for cart in carts])

    def take_carts(self, orders: Iterable[Order]) -> None:
        """What is ordered from now on."""
        self._orders = iter(orders)

    def _order_of(self, cart: str) -> bytes:
        customer = random.choice(self._shop.customers)
        wanted = f'{{"customer_id":"{customer}","cart_id":"{cart}"}}'
        return post("/orders", wanted.encode(), cart)

    def begin(self) -> None:
        """Time is counted from now."""
        self._began = time.monotonic()
        self._cpu = time.process_time()

    def end_phase(self, seconds: float) -> None:
        """It took so long; what comes now counts for the next one."""
        used, self._cpu = time.process_time() - self._cpu, time.process_time()
        self.cpu_cores.append(used / seconds)

    async def buy(self, due: float) -> bool:
        """Returns whether the checkout completed."""
        order, key = next(self._orders)
        return await self._finish(due, key, self._services["order"].ask(order))

    def offer(self, due: float, under_way: asyncio.TaskGroup) -> None:
        """Begin a checkout. No task is made of one that is refused at once, as most are."""
        order, key = next(self._orders)
        service = self._services["order"]
        # No task of the group's: one that fails would end them all.
        asked = service.ask_at_once(order) or asyncio.ensure_future(service.ask(order))
        self._asked.add(asked)

        def answered(answer: asyncio.Future[Answer]) -> None:
            self._asked.discard(answer)
            if not answer.cancelled() and not answer.exception() and answer.result()[0] >= 300:
                self._note(due, _refused("order", answer.result()))
            else:
                under_way.create_task(self._finish(due, key, answer))

        asked.add_done_callback(answered)

    async def come_to_an_end(self) -> None:
        """Wait for the answers to what was offered, for as long as anybody does."""
        if self._asked:
            await asyncio.wait(self._asked, timeout=PATIENCE_SECONDS)
        for late in self._asked:
            late.cancel()

    async def _finish(self, due: float, key: str, asked: Awaitable[Answer]) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                placed = _taken("order", await asked)
                found = _order_id.search(placed)
                assert found is not None
                payment = (
                    b'{"order_id":"%s","amount":"%s","currency":"EUR",'
                    b'"method":{"type":"card","token":"tok_ok"}}'
                ) % (found[1], self._shop.price.encode())
                asked = self._services["payment"].ask(post("/payments", payment, key))
                _taken("payment", await asked)
            outcome = COMPLETED
        except (Refused, OSError, TimeoutError) as error:
            outcome = str(error) or type(error).__name__
        self._note(due, outcome)
        return outcome == COMPLETED

    def _note(self, due: float, outcome: str) -> None:
        self.done.append(Checkout(due, self.elapsed() - due, outcome))

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def close(self) -> None:
        for service in self._services.values():
            service.close()


def _taken(service: str, answer: Answer) -> bytes:
    """Raises Refused."""
    if answer[0] >= 300:
        raise Refused(_refused(service, answer))
    return answer[1]


def _refused(service: str, answer: Answer) -> str:
    status, body = answer
    problem = _type.search(body)
    return f"{service} {problem[1].decode() if problem else status}"


def open_loop(shop: Shop, *phases: Phase) -> Load:
    """Checkouts at random moments, one phase right after the other, whatever becomes of them."""
    carts = sum(int(phase.rate * phase.seconds * 1.2) + 50 for phase in phases)
    return uvloop.run(_measured(shop, carts, lambda shopper: offer(shopper, phases)))


async def offer(shopper: Shopper, phases: Sequence[Phase]) -> None:
    """Until all phases are over, and all is answered that was asked in them."""
    began = 0.0
    async with asyncio.TaskGroup() as under_way:
        for phase in phases:
            to_come = moments(phase)
            due = next(to_come, None)
            while due is not None:
                await asyncio.sleep(TICK_SECONDS)  # it comes by the clock: an open loop
                while due is not None and began + due <= shopper.elapsed():
                    shopper.offer(began + due, under_way)
                    due = next(to_come, None)
            began += phase.seconds
            shopper.end_phase(phase.seconds)
        await shopper.come_to_an_end()


def moments(phase: Phase) -> Iterator[float]:
    """When a checkout is due, in seconds since the phase began."""
    due = random.expovariate(phase.rate)
    while due < phase.seconds:
        yield due
        due += random.expovariate(phase.rate)


def closed_loop(shop: Shop, shoppers: int, seconds: float) -> Load:
    """As many checkouts as that many shoppers manage, one after the other."""

    async def buy_on(shopper: Shopper) -> None:
        while (due := shopper.elapsed()) < seconds:
            if not await shopper.buy(due):
                await asyncio.sleep(REST_SECONDS)  # who was refused does not ask again at once

    async def arrive(shopper: Shopper) -> None:
        await asyncio.gather(*(buy_on(shopper) for _ in range(shoppers)))
        shopper.end_phase(seconds)

    return uvloop.run(_measured(shop, int(CARTS_A_SECOND * seconds), arrive))


async def _measured(shop: Shop, carts: int, arrive: Callable[[Shopper], Awaitable[None]]) -> Load:
    shopper = Shopper(shop)
    try:
        await shopper.fill_carts(carts)
        os.sync()  # else the filling goes to disk in the middle of what is measured
        shopper.begin()
        await arrive(shopper)
    finally:
        shopper.close()
    return Load(shopper.done, shopper.cpu_cores)
