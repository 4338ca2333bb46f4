"""The overload's own load and figures: what it offers, and what it makes of the answers."""

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from bench.overload.figures import completed, percentile, refusals, seconds_until_normal
from bench.overload.load import (
    COMPLETED,
    Checkout,
    Load,
    Phase,
    Shop,
    closed_loop,
    moments,
    open_loop,
)
from bench.overload.placebo import placebo

ORDERED = b'{"order_id":"an-order"}'
OVERLOADED = b'{"type":"/problems/overloaded","status":503}'


class Till(asyncio.Protocol):
    """Takes every cart and payment, and every second order. One request is one packet."""

    def __init__(self, counter: "Counter") -> None:
        self._counter = counter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counter.open.append(transport)

    def data_received(self, data: bytes) -> None:
        self._counter.orders += data.startswith(b"POST /orders")
        refused = data.startswith(b"POST /orders") and self._counter.orders % 2
        status, body = (503, OVERLOADED) if refused else (201, ORDERED)
        head = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
        self._transport.write(head + body)


@dataclass
class Counter:
    """All tills of a test."""

    urls: dict[str, str] = field(default_factory=dict)
    orders: int = 0
    open: list[asyncio.Transport] = field(default_factory=list)

    @property
    def shop(self) -> Shop:
        return Shop(self.urls, ["THING"], ["someone"], "10.00")


@pytest.fixture
def counter() -> Iterator[Counter]:
    """In another thread, because the load brings its own loop."""
    loop = asyncio.new_event_loop()
    counter = Counter()
    server = loop.run_until_complete(loop.create_server(lambda: Till(counter), "127.0.0.1", 0))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    counter.urls = dict.fromkeys(("cart", "order", "payment"), url)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield counter

    async def close() -> None:
        server.close()
        for transport in counter.open:
            transport.abort()

    asyncio.run_coroutine_threadsafe(close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_open_loop_offers_what_is_due_and_notes_each(counter: Counter) -> None:
    load = open_loop(counter.shop, Phase(200.0, 0.5), Phase(100.0, 0.3))
    first, second = load.part(0, 0.5), load.part(0.5, 0.8)
    assert len(first) + len(second) == len(load.checkouts) == counter.orders
    assert 50 < len(first) < 200
    assert 5 < len(second) < 80
    assert len(completed(load.checkouts)) == len(load.checkouts) // 2
    assert refusals(load.checkouts).startswith("order overloaded ")
    assert len(load.cpu_cores) == 2


def test_closed_loop_goes_on_after_a_refusal(counter: Counter) -> None:
    load = closed_loop(counter.shop, 2, 0.3)
    assert {each.outcome for each in load.checkouts} == {COMPLETED, "order overloaded"}
    assert max(each.due for each in load.checkouts) < 0.3


def test_nobody_there_is_told_as_what_it_is(counter: Counter) -> None:
    for step in ("order", "payment"):
        urls = {**counter.urls, step: "http://127.0.0.1:9"}
        load = open_loop(replace(counter.shop, urls=urls), Phase(50.0, 0.2))
        assert "Connection refused" in refusals(load.checkouts)
        assert not completed(load.checkouts)


def test_moments_come_at_their_rate() -> None:
    due = list(moments(Phase(1000.0, 5.0)))
    assert due == sorted(due)
    assert 4500 < len(due) < 5500
    assert 0 < due[0] < due[-1] < 5


def test_placebo_lasts_as_long_as_its_block() -> None:
    before = len(multiprocessing.active_children())
    with placebo(500.0):
        assert len(multiprocessing.active_children()) == before + 2
    assert len(multiprocessing.active_children()) == before


def test_percentile_is_of_what_there_is() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0
    assert str(percentile([], 0.5)) == "nan"


def checkouts(began: float, outcome: str, seconds: float) -> list[Checkout]:
    return [Checkout(began + number / 10, seconds, outcome) for number in range(10)]


def test_normal_is_when_nearly_all_complete_in_time() -> None:
    refused = checkouts(10, "order overloaded", 0.01)
    late = checkouts(11, COMPLETED, 0.5)
    good = checkouts(12, COMPLETED, 0.02)
    load = Load([*refused, *late, *good], [])
    assert seconds_until_normal(load.checkouts, 10, 3, slowest=0.06) == 2
    assert seconds_until_normal(load.checkouts, 10, 2, slowest=0.06) == float("inf")
