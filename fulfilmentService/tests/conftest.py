"""Fulfilment's peers, as one shop."""

import pytest

from fulfilmentService.tests.support import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def peers(shop: Shop) -> Shop:
    return shop
