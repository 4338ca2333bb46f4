"""A failure counts, but for one that comes while the machine stands still."""

import subprocess
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests import standstill
from tests.standstill import ATTEMPTS, undisturbed

Turn = Callable[[], None]

# Stops its parent for as long as a busy host may.
STOPPING = "kill -STOP $PPID; sleep 0.3; kill -CONT $PPID"


def late() -> None:
    pytest.fail("too late")


def stand_still() -> None:
    subprocess.run(["/bin/sh", "-c", STOPPING], check=True)


def late_by_standstill() -> None:
    stand_still()
    raise TimeoutError


def in_time() -> None:
    """Nothing happens."""


def check_with(turns: Iterator[Turn]) -> Callable[[], Awaitable[None]]:
    """Each time that it is made, it takes one turn: what is left tells how often it was."""

    @undisturbed
    async def check() -> None:
        next(turns)()

    return check


async def test_a_failure_on_a_machine_that_runs_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "NOTICED_SECONDS", 3600)  # whatever this one does just now
    turns = iter([late, in_time])
    with pytest.raises(pytest.fail.Exception, match="too late"):
        await check_with(turns)()
    assert list(turns) == [in_time]


async def test_one_on_a_machine_that_stood_still_is_looked_into_again() -> None:
    turns = iter([late_by_standstill, in_time, late])
    with pytest.warns(UserWarning, match=r"check: the machine stood still for \d\.\d s"):
        await check_with(turns)()
    assert list(turns) == [late]


async def test_in_the_end_a_failure_is_one_all_the_same() -> None:
    turns = iter([*[late_by_standstill] * ATTEMPTS, in_time])
    with pytest.warns(UserWarning, match="stood still"), pytest.raises(TimeoutError):
        await check_with(turns)()
    assert list(turns) == [in_time]


async def test_a_success_is_one_however_long_it_took() -> None:
    turns = iter([stand_still, late])
    await check_with(turns)()
    assert list(turns) == [late]
