import pytest

from orderService.tests.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def peers(shop: Shop) -> Shop:
    return shop
