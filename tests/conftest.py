"""`--fleet=embedded` (the default) or `--fleet=compose`: the same journeys over either."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests import ports
from tests.fleets import Fleet, compose_fleet, data_folder, embedded_fleet
from tests.shop import Shop


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that shares a running fleet goes to one test process."""
    for item in items:
        if isinstance(item, pytest.Function) and (shared := _fleet_shared_by(item)):
            item.add_marker(pytest.mark.xdist_group(shared))


def _fleet_shared_by(item: pytest.Function) -> str | None:
    """Which fleet a test shares with others; None when it has none, or one to itself."""
    definitions = item._fixtureinfo.name2fixturedefs.get("fleet")  # noqa: SLF001  # no other way
    if not definitions:
        return None
    groups = {"session": "fleet", "package": str(item.path.parent), "module": str(item.path)}
    return groups.get(definitions[-1].scope)


@pytest.fixture(scope="session")
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """A fleet that all journeys share. When the last one is done, its books must be right."""
    in_containers = request.config.getoption("--fleet") == "compose"
    with ExitStack() as stack:
        folder = stack.enter_context(data_folder())
        running = stack.enter_context(compose_fleet() if in_containers else embedded_fleet(folder))
        yield running
        audit = running.run("fleet.audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture
def port_base() -> Iterator[int]:
    """Of ports that are this test's alone."""
    with ports.reserved() as base:
        yield base


@pytest.fixture
async def shop(fleet: Fleet) -> AsyncIterator[Shop]:
    async with Shop(fleet.urls) as shop:
        yield shop
