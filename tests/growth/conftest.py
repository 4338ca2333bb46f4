"""A small world in which everything is as in a large one, and statistics say that it is large."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from bench.scale.filling import Size, fill
from chassis import schema
from conftest import run_sql, with_database
from fleet.services import ROOT, SERVICES

SMALL = Size(products=2000, customers=1000, orders=4000)


@pytest.fixture(scope="session")
def world(postgres: str) -> Iterator[str]:
    """The DSN of a filled database of all services."""
    name = f"test_world_{os.getpid()}"
    asyncio.run(run_sql(postgres, f"CREATE DATABASE {name}"))
    dsn = with_database(postgres, name)
    asyncio.run(schema.apply(dsn, [ROOT / service.folder for service in SERVICES], {}))
    asyncio.run(fill(dsn, SMALL))
    yield dsn
    asyncio.run(run_sql(postgres, f"DROP DATABASE {name} WITH (FORCE)"))
