"""A generated world is one that the services could have made."""

import asyncpg

from fleet import audit

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
