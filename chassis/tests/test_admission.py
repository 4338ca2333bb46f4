"""Who is worked on, who waits, who is refused: with no service and no database around it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chassis.admission import (
    COMING_SECONDS,
    LONG_SECONDS,
    SECOND,
    TOO_LONG_SECONDS,
    WORK_SECONDS,
    Admission,
    Limits,
    Work,
)
from tests.standstill import undisturbed

SOON = LONG_SECONDS / 4


class Clock:
    """Time passes when a test says so, and not otherwise."""

    def __init__(self) -> None:
        self._now = 1000.0

    def __call__(self) -> float:
        return self._now

    def let_pass(self, seconds: float) -> None:
        self._now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    """Works on two at once, and under overload on one."""
    return Admission(Limits(in_flight=128, at_work=2), clock)


async def begin(admission: Admission, *, outermost: bool = True) -> Work:
    async with asyncio.timeout(5):
        work = await admission.enter(outermost=outermost, patience=5)
    assert work is not None
    return work


async def all_hear() -> None:
    """Who was let in, refused or begun goes on, as far as that takes no time."""
    await asyncio.sleep(0)  # one turn of the loop: nothing is waited for


@asynccontextmanager
async def queued(
    admission: Admission, *names: str, patience: float = 5
) -> AsyncIterator[tuple[list[str], list[str]]]:
    """Those of these names who were let in, and who were refused; they work no time at all."""
    let_in: list[str] = []
    refused: list[str] = []

    async def wait(name: str) -> None:
        work = await admission.enter(outermost=True, patience=patience)
        (let_in if work else refused).append(name)
        if work:
            work.end()

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        for name in names:
            tasks.create_task(wait(name))
        await all_hear()
        yield let_in, refused


async def test_a_burst_is_served_in_order() -> None:
    admission = Admission(Limits(at_work=2), clock=lambda: 0.0)
    works = [await begin(admission), await begin(admission)]
    names = [str(number) for number in range(100)]
    async with queued(admission, *names) as (let_in, refused):
        assert not let_in
        for work in works:
            work.end()
    assert let_in == names
    assert not refused


async def test_a_slow_line_is_served_in_order_too(admission: Admission, clock: Clock) -> None:
    works = [await begin(admission), await begin(admission)]
    async with queued(admission, "old", "newer") as (let_in, _):
        clock.let_pass(LONG_SECONDS + SOON)
        works[0].end()
    assert let_in == ["old", "newer"]


async def test_when_there_is_too_much_whoever_waited_long_is_refused(
    admission: Admission, clock: Clock
) -> None:
    works = [await begin(admission), await begin(admission)]
    async with queued(admission, "too old") as (_, refused):
        clock.let_pass(TOO_LONG_SECONDS + SOON)
        async with queued(admission, "new") as (let_in, _):
            while works:
                works.pop().end()
    assert refused == ["too old"]
    assert let_in == ["new"]


async def test_a_line_that_does_not_end_is_thinned_out(admission: Admission, clock: Clock) -> None:
    works = [await begin(admission), await begin(admission)]
    async with queued(admission, "one", "two") as (before, refused):
        clock.let_pass(TOO_LONG_SECONDS + SOON)
        assert not refused
        async with queued(admission, "three") as (after, _):
            await all_hear()
            assert refused == ["one", "two"]
            while works:
                works.pop().end()
    assert (before, after) == ([], ["three"])


@asynccontextmanager
async def overloaded(clock: Clock, at_work: int) -> AsyncIterator[tuple[Admission, list[Work]]]:
    """All places are taken, and one waits, when it begins to be too much."""
    admission = Admission(Limits(at_work=at_work), clock)
    works = [await begin(admission) for _ in range(at_work)]
    async with queued(admission, "too old"):
        clock.let_pass(TOO_LONG_SECONDS + SOON)
        async with queued(admission, "waiting") as (let_in, _):
            assert admission.overloaded()
            yield admission, works
            for work in works:
                work.end()
    assert let_in == ["waiting"]


async def refuse(admission: Admission, times: int) -> None:
    for _ in range(times):
        assert admission.turns_away()


async def test_under_overload_fewer_work_and_nobody_new_waits(clock: Clock) -> None:
    async with overloaded(clock, at_work=6) as (admission, works):
        await refuse(admission, 1)
        async with queued(admission, "inside") as (_, refused):
            assert refused == ["inside"]
        for _ in range(3):  # one of them makes room for who waited before it began
            works.pop().end()
        await all_hear()
        assert not admission.turns_away()
        works.append(await begin(admission))
        await refuse(admission, 1)


async def test_of_those_who_come_at_once_one_is_let_in(clock: Clock) -> None:
    async with overloaded(clock, at_work=6) as (admission, works):
        for _ in range(4):
            works.pop().end()
        await all_hear()
        assert not admission.turns_away()
        await refuse(admission, 2)  # the one has not begun yet
        works.append(await begin(admission))
        assert not admission.turns_away()
        await refuse(admission, 2)
        clock.let_pass(2 * COMING_SECONDS)  # that one never comes
        assert not admission.turns_away()


@pytest.mark.parametrize(
    ("at_work", "refused", "lasts"),
    [(1, 12, True), (1, 11, False), (3, 9, True), (3, 8, False), (6, 6, True), (6, 5, False)],
)
async def test_an_overload_lasts_while_many_are_refused(
    clock: Clock, at_work: int, refused: int, lasts: bool
) -> None:
    """For a dozen that are let in, and more the fewer can be worked on at once."""
    places = max(1, at_work * 2 // 3)
    async with overloaded(clock, at_work=at_work) as (admission, _):
        await refuse(admission, 1)
    clock.let_pass(SECOND)
    for _ in range(12 - places):
        assert admission.overloaded()
        (await begin(admission)).end()
    works = [await begin(admission) for _ in range(places)]
    await refuse(admission, refused)
    clock.let_pass(SECOND)
    assert admission.overloaded() is lasts
    for work in works:
        work.end()


async def test_an_overload_ends_when_nobody_comes(clock: Clock) -> None:
    async with overloaded(clock, at_work=3) as (admission, _):
        await refuse(admission, 100)
        clock.let_pass(2 * SECOND)
        assert not admission.overloaded()


async def test_a_line_that_stays_full_is_too_much() -> None:
    now = 0.0
    admission = Admission(Limits(in_flight=4, at_work=2), clock=lambda: now)
    works = [await begin(admission), await begin(admission)]
    async with queued(admission, "one", "two", "three"):
        assert not admission.overloaded()
        now += TOO_LONG_SECONDS / 2
        works.pop().end()
        works.append(await begin(admission, outermost=False))
        async with queued(admission, "four", "five"):
            assert not admission.overloaded()  # full, and nobody has waited for long
            now += TOO_LONG_SECONDS * 0.6
            assert await admission.enter(outermost=True, patience=SOON) is None
            assert admission.overloaded()
            for work in works:
                work.end()


async def test_nobody_waits_beyond_their_patience(admission: Admission) -> None:
    works = [await begin(admission), await begin(admission)]
    async with queued(admission, "hurried", patience=SOON) as (let_in, refused):
        pass
    assert (let_in, refused) == ([], ["hurried"])
    works[0].end()
    await begin(admission)


async def test_calls_of_peers_do_not_wait_and_come_first(admission: Admission) -> None:
    calls = [await begin(admission, outermost=False) for _ in range(3)]
    async with queued(admission, "client") as (let_in, _):
        calls[0].end()
        await all_hear()
        assert not let_in
        calls[1].end()
    assert let_in == ["client"]


async def test_too_many_are_refused_at_once(admission: Admission) -> None:
    calls = [await begin(admission, outermost=False) for _ in range(128)]
    assert await admission.enter(outermost=True, patience=5) is None
    calls += [await begin(admission, outermost=False) for _ in range(128)]
    assert await admission.enter(outermost=False, patience=5) is None
    calls[0].end()
    await begin(admission, outermost=False)


@undisturbed
async def test_who_waits_for_something_lets_others_work(admission: Admission) -> None:
    works = [await begin(admission), await begin(admission)]
    works[0].pause()
    await begin(admission)
    works[0].end()
    started = time.monotonic()
    async with queued(admission, "client") as (let_in, _):
        pass
    assert let_in == ["client"]
    waited = time.monotonic() - started
    for work in works:
        work.end()
        assert admission.in_flight <= 2
    assert WORK_SECONDS / 2 < waited < 2 * WORK_SECONDS


async def test_who_gives_up_does_not_take_the_place_along(admission: Admission) -> None:
    works = [await begin(admission), await begin(admission)]
    waiting = asyncio.create_task(begin(admission))
    await all_hear()
    works[0].end()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await begin(admission)
