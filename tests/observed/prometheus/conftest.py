"""What needs Prometheus' own programs: collected for `--prometheus` only."""

import pytest


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.getoption("--prometheus") else True
