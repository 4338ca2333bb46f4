"""A failure counts, but for one that comes while the machine stands still."""

import subprocess

import pytest

from tests import standstill
from tests.standstill import ATTEMPTS, undisturbed

# Stops its parent for as long as a busy host may.
STOPPING = "kill -STOP $PPID; sleep 0.3; kill -CONT $PPID"


def stand_still() -> None:
    subprocess.run(["/bin/sh", "-c", STOPPING], check=True)


async def test_a_failure_on_a_machine_that_runs_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "NOTICED_SECONDS", 3600)  # whatever this one does just now
    made = []

    @undisturbed
    async def check() -> None:
        made.append(1)
        pytest.fail("too late")

    with pytest.raises(pytest.fail.Exception, match="too late"):
        await check()
    assert len(made) == 1


async def test_one_on_a_machine_that_stood_still_is_looked_into_again() -> None:
    made = []

    @undisturbed
    async def check(question: str) -> str:
        made.append(question)
        if len(made) == 1:
            stand_still()
            raise TimeoutError
        return "in time"

    with pytest.warns(UserWarning, match=r"check: the machine stood still for \d\.\d s"):
        assert await check("how late?") == "in time"
    assert made == ["how late?"] * 2


async def test_in_the_end_a_failure_is_one_all_the_same() -> None:
    made = []

    @undisturbed
    async def check() -> None:
        made.append(1)
        stand_still()
        assert not made

    with (
        pytest.warns(UserWarning, match="the machine stood still"),
        pytest.raises(AssertionError),
    ):
        await check()
    assert len(made) == ATTEMPTS


async def test_a_success_is_one_however_long_it_took() -> None:
    made = []

    @undisturbed
    async def check() -> None:
        made.append(1)
        stand_still()

    await check()
    assert len(made) == 1
