"""What a case is judged by may not depend on how busy the machine is."""

import time
from collections.abc import Iterable
from typing import Any, cast

import asyncpg
import pytest

from fleet.audit import Finding, Invariant

from . import workbench
from .shopper import Wrong

UNFINISHED = Finding(Invariant("job-ends", "", ""), 1, [])


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "REST_SECONDS", 0.3)
    monkeypatch.setattr(workbench, "STANDSTILL_SECONDS", 0.4)


@pytest.fixture
def bench() -> workbench.Workbench:
    """One without a fleet."""
    nobody = cast(Any, None)
    return workbench.Workbench(nobody, nobody, nobody, nobody)


def stand_still(seconds: float) -> None:
    time.sleep(seconds)  # what it is about: the process stands still


@pytest.mark.parametrize("still", [0, 0.5])
async def test_what_never_rests_is_told(
    bench: workbench.Workbench, monkeypatch: pytest.MonkeyPatch, still: float
) -> None:
    async def check(_: asyncpg.Connection, __: Iterable[Invariant]) -> list[Finding]:
        stand_still(still)
        return [UNFINISHED]

    monkeypatch.setattr(workbench, "check", check)
    monkeypatch.setattr(workbench, "PATIENCE_SECONDS", 2.0)
    with pytest.raises(Wrong, match="job-ends"):
        await bench.until_at_rest()


async def test_a_machine_that_stood_still_is_no_unrest(
    bench: workbench.Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([[UNFINISHED], [UNFINISHED], []])

    async def check(_: asyncpg.Connection, __: Iterable[Invariant]) -> list[Finding]:
        stand_still(0.5)
        return next(looks)

    monkeypatch.setattr(workbench, "check", check)
    await bench.until_at_rest()
    assert next(looks, None) is None
