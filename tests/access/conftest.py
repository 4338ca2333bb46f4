"""Each service in this process, with AUTH_MODE=enforce: see `service` in the root's conftest."""

from pathlib import Path

import pytest

from chassis.auth import LOCAL_KEY
from fleet.keys import make_missing
from fleet.services import BY_NAME, ROOT, SERVICES
from tests.access.tokens import Tokens


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    folder: Path = tmp_path_factory.mktemp("keys")
    make_missing(folder, [*(service.name for service in SERVICES), LOCAL_KEY])
    return Tokens(folder)


@pytest.fixture
def folder(name: str) -> Path:
    """Of the service under test; `name` is a test's parameter, or a fixture beside it."""
    return ROOT / BY_NAME[name].folder


@pytest.fixture
def environment(tokens: Tokens) -> dict[str, str]:
    return {"AUTH_MODE": "enforce", "KEYS_DIR": str(tokens.keys)}
