"""Shipping's one peer."""

import pytest

from shippingService.tests.support import Orders


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def peers(orders: Orders) -> Orders:
    return orders
