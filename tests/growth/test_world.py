"""A generated world is one that the services could have made."""

import asyncpg
import pytest

from fleet import audit

# One world for all that look at it.
pytestmark = pytest.mark.xdist_group("world")

# Of the server, which is not durable here.
NOT_OF_THE_WORLD = {"durable"}


async def test_every_invariant_holds(world: str) -> None:
    invariants = [*audit.safety(), *audit.liveness()]
    db = await asyncpg.connect(world)
    try:
        findings = await audit.check(db, invariants)
    finally:
        await db.close()
    broken = {each.invariant.name: each.examples for each in findings if each.violations}
    assert broken.keys() <= NOT_OF_THE_WORLD, broken
    assert len(findings) > 40
