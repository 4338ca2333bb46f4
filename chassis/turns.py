"""Taking turns: of what must not happen twice at once, the second waits until the first is done.

A row of the service's own is locked. PostgreSQL has advisory locks for that, but whoever is let
into the database may hold any of them, and could keep a service waiting for good.
"""

from zlib import crc32

from .database import Connection

# Two matters that share one wait for each other now and then, which harms nobody.
TURNS = 1024

# Applied to each service's schema by its owner, and safe to apply again.
DDL = """
CREATE TABLE IF NOT EXISTS {schema}.{name}_turns (
    number integer PRIMARY KEY,
    taken  boolean NOT NULL DEFAULT true  -- says nothing: the lock of the row is the turn
);
GRANT SELECT, INSERT, UPDATE ON {schema}.{name}_turns TO {name}_app;
"""

TAKE = """
INSERT INTO {table} (number) VALUES ($1) ON CONFLICT (number) DO UPDATE SET taken = true
"""


def number_of(matter: str) -> int:
    return crc32(matter.encode()) % TURNS


async def take(db: Connection, table: str, matter: str) -> None:
    """In a unit of work: nobody else has this turn until it ends."""
    await db.execute(TAKE.format(table=table), number_of(matter))
