"""`--races=full` for the numbers that are claimed; a few of each otherwise."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from fleet import console
from fleet.audit import audit, auditor_url, safety
from tests.faults.races.crowd import Crowd
from tests.faults.races.sizes import SIZES, Sizes
from tests.fleets import Fleet, data_folder, embedded_fleet


@pytest.fixture
def sizes(request: pytest.FixtureRequest) -> Sizes:
    return SIZES[request.config.getoption("--races")]


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    """One for all races. When the last one is done, its books must be right."""
    with data_folder() as folder, embedded_fleet(folder) as running:
        yield running
        whole = running.run("fleet.audit")
        assert whole.returncode == 0, whole.stdout + whole.stderr


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Crowd]:
    """After each race, what is always true still is."""
    async with Crowd(fleet.urls) as shop:
        yield shop
    for (status, problem), times in shop.told.most_common():
        console.say(f"  {times:9,} x {status} {problem}")
    findings = await audit(auditor_url(fleet.environment), safety())
    assert [finding for finding in findings if finding.violations] == []


@pytest.fixture
async def books(fleet: Fleet) -> AsyncIterator[asyncpg.Pool]:
    """The database as the auditor sees it: all of it, to read."""
    async with asyncpg.create_pool(auditor_url(fleet.environment), min_size=1, max_size=4) as pool:
        yield pool
