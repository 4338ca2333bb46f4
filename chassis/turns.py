"""Locks by name: of two units of work that take the same turn, the second waits for the first.

A turn is a row of the service's own, which is locked. PostgreSQL's advisory locks would do as well,
but any role of the database can hold one, and keep a service waiting for good.
"""

from zlib import crc32

from .database import Connection

# Two matters may share a turn, and then wait for each other now and then.
TURNS = 1024

# Applied to each service's schema by its owner, and safe to apply again.
DDL = """
CREATE TABLE IF NOT EXISTS {schema}.{name}_turns (
    number integer PRIMARY KEY,
    taken  boolean NOT NULL DEFAULT true  -- has no meaning: the lock on the row is the turn
);
GRANT SELECT, INSERT, UPDATE ON {schema}.{name}_turns TO {name}_app;
"""

TAKE = """
INSERT INTO {table} (number) VALUES ($1) ON CONFLICT (number) DO UPDATE SET taken = true
"""


def number_of(matter: str) -> int:
    return crc32(matter.encode()) % TURNS


async def take(db: Connection, table: str, matter: str) -> None:
    """Wait for a turn, and hold it until the unit of work ends."""
    await db.execute(TAKE.format(table=table), number_of(matter))
