"""The closed loop: who calls how often, and what is counted as done."""

from collections.abc import Iterator
from multiprocessing.connection import Connection
from random import Random
from unittest.mock import Mock

from bench.catalogue import World
from bench.load import NOTHING_LEFT, Load, Result, Run
from bench.operations import ITEMS, Operation, additions
from bench.wire import Client, Unexpected

WORLD = World([f"S{n}" for n in range(9)], ["someone"], ["lamp"])


async def halved(_: Client, number: int) -> int | None:
    """Odd numbers are refused; nobody needs what comes of 0."""
    if number % 2:
        raise Unexpected(503)
    return number // 2 or None


def numbers(count: int) -> Iterator[int]:
    return iter(range(count))


async def result_of(run: Run, inputs: Iterator[int], least: int = 1) -> tuple[Result, list[int]]:
    operation = Operation("halve", (), halved, least=least)
    clients = [Client({}) for _ in range(run.callers)]
    load = Load(run, operation, clients, inputs)
    return await load.go(Mock(Connection)), load.made


async def test_until_nothing_is_left() -> None:
    result, made = await result_of(Run("halve", "x", 3, seconds=60, seed=0), numbers(10))
    assert len(result.latencies) == 5
    assert result.failed == {"status 503": 5}
    assert sorted(made) == [1, 2, 3, 4]
    assert result.seconds > 0


async def test_each_caller_does_its_least_when_time_is_short() -> None:
    run = Run("halve", "x", 3, seconds=0, seed=0)
    result, _ = await result_of(run, numbers(1000), least=4)
    assert len(result.latencies) + result.failed.total() == 3 * 4


async def test_having_nothing_to_do_is_a_failure() -> None:
    result, _ = await result_of(Run("halve", "x", 1, seconds=60, seed=0), numbers(0))
    assert result.failed == {NOTHING_LEFT: 1}


def test_no_two_callers_add_to_a_cart_at_once_and_the_last_item_completes_it() -> None:
    callers, block = 4, 8
    added = additions(WORLD, Random(1), callers)
    rounds = [[next(added) for _ in range(block)] for _ in range(ITEMS)]
    carts = [[new.cart_id for new in each] for each in rounds]
    assert len(set(carts[0])) == block
    assert carts[0] == carts[1] == carts[2]
    assert [{new.last for new in each} for each in rounds] == [{False}, {False}, {True}]
