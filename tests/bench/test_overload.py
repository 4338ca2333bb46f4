"""The overload's own load and figures: what it offers, and what it makes of the answers."""

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

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

    orders = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        refused = data.startswith(b"POST /orders") and self._is_odd()
        status, body = (503, OVERLOADED) if refused else (201, ORDERED)
        self._transport.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)))
        self._transport.write(body)

    @classmethod
    def _is_odd(cls) -> bool:
        cls.orders += 1
        return cls.orders % 2 == 1


@pytest.fixture
def shop() -> Iterator[Shop]:
    Till.orders = 0
    with serving(Till) as port:
        urls = dict.fromkeys(("cart", "order", "payment"), f"http://127.0.0.1:{port}")
        yield Shop(urls, ["THING"], ["someone"], "10.00")


@contextmanager
def serving(protocol: type[asyncio.Protocol]) -> Iterator[int]:
    """In another thread, because the load brings its own loop."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def test_open_loop_offers_what_is_due_and_notes_each(shop: Shop) -> None:
    load = open_loop(shop, Phase(200.0, 0.5), Phase(100.0, 0.3))
    first, second = load.part(0, 0.5), load.part(0.5, 0.8)
    assert len(first) + len(second) == len(load.checkouts) == Till.orders
    assert 50 < len(first) < 200
    assert 5 < len(second) < 80
    assert len(completed(load.checkouts)) == len(load.checkouts) // 2
    assert refusals(load.checkouts).startswith("order overloaded ")
    assert len(load.cpu_cores) == 2


def test_closed_loop_goes_on_after_a_refusal(shop: Shop) -> None:
    load = closed_loop(shop, 2, 0.3)
    assert {each.outcome for each in load.checkouts} == {COMPLETED, "order overloaded"}
    assert max(each.due for each in load.checkouts) < 0.3


def test_nobody_there_is_told_as_what_it_is(shop: Shop) -> None:
    for step in ("order", "payment"):
        urls = {**shop.urls, step: "http://127.0.0.1:9"}
        load = open_loop(replace(shop, urls=urls), Phase(50.0, 0.2))
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
