"""Each service in this process: see `service` in the root's conftest."""

from pathlib import Path

import pytest

from conftest import PeerHandler
from fleet.services import BY_NAME, ROOT
from tests.access.world import World
from tests.preconditions.things import Thing


@pytest.fixture
def folder(thing: Thing) -> Path:
    """Of the service that has the thing under test, which is a test's parameter."""
    return ROOT / BY_NAME[thing.service].folder


@pytest.fixture
def peers() -> PeerHandler:
    return World()
