"""A service that takes payments for a shop of the test's own."""

from collections.abc import AsyncIterator

import pytest

from paymentService.tests.support import Books, Shop


@pytest.fixture
def peers() -> Shop:
    return Shop()


@pytest.fixture
def shop(peers: Shop) -> Shop:
    return peers


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PROVIDER_TIMEOUT": "0.3", "LOG_FORMAT": "json"}


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """Whatever a test did, the books must agree after it."""
    books = Books(database_url)
    yield books
    await books.check()
