"""What counts the queues looks at them through an index, however much there is beside them."""

import asyncio

import asyncpg
import pytest

from chassis import Queue
from chassis.app import load_app, queues_of
from conftest import Databases
from fleet.services import ROOT, SERVICES

QUEUES = [
    (service.folder, queue) for service in SERVICES for queue in queues_of(load_app(service.folder))
]


@pytest.mark.parametrize(("folder", "queue"), QUEUES, ids=lambda each: getattr(each, "name", each))
def test_queue_has_an_index(databases: Databases, folder: str, queue: Queue) -> None:
    plan = asyncio.run(plan_of(databases.of(ROOT / folder), queue))
    assert "Seq Scan" not in plan, plan


async def plan_of(dsn: str, queue: Queue) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET enable_seqscan = off")
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {queue.rows}"))
    finally:
        await connection.close()
