"""The sample service, on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.app import ServiceApp
from chassis.tests.sample_service import app as sample_app
from conftest import PeerHandler, as_service, running


@pytest.fixture
def folder() -> Path:
    return Path(__file__).parent / "sample"


@pytest.fixture
def app(
    database_url: str,
    folder: Path,
    peers: PeerHandler,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> ServiceApp:
    settings = {
        "DATABASE_URL": as_service(database_url, folder),
        "OTHER_URL": "http://other",
        **environment,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    sample_app.peer_transport = httpx.MockTransport(peers)
    return sample_app


@pytest.fixture
async def service(app: ServiceApp) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client
