"""What a database holds: the shape of all ten schemas, and every row in them."""

from collections.abc import Mapping, Sequence

import asyncpg

from fleet.services import SERVICES

SCHEMAS = sorted({service.schema for service in SERVICES})

# Order and numbers of columns are left out: one that was added later stands last.
SHAPE = """
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1))
SELECT what FROM (
    SELECT format('%s %s %s%s%s%s %s', attrelid::regclass, attname,
                  format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END,
                  attidentity, attgenerated, pg_get_expr(adbin, adrelid))
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE relnamespace IN (TABLE ours) AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT pg_get_indexdef(indexrelid)
      FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace IN (TABLE ours)
    UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace IN (TABLE ours)
    UNION ALL SELECT format('%s %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
      FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
     WHERE relnamespace IN (TABLE ours) AND NOT tgisinternal
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
     WHERE pronamespace IN (TABLE ours) AND prokind = 'f'
    UNION ALL SELECT format('%s owned by %s', oid::regclass, relowner::regrole)
      FROM pg_class WHERE relnamespace IN (TABLE ours) AND relkind IN ('r', 'S')
    UNION ALL SELECT format('%s may %s %s', grantee::regrole, privilege_type,
                            pg_class.oid::regclass)
      FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
     WHERE relnamespace IN (TABLE ours) AND relkind = 'r'
    UNION ALL SELECT format('%s may %s %s of %s', grantee::regrole, privilege_type, attname,
                            attrelid::regclass)
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl)
     WHERE relnamespace IN (TABLE ours)
    UNION ALL SELECT format('%s may %s schema %s', grantee::regrole, privilege_type, nspname)
      FROM pg_namespace, aclexplode(nspacl) WHERE oid IN (TABLE ours)
) AS described (what)
"""

# Without those that are made of others: they change when the way of making them does.
COLUMNS = """
SELECT attrelid::regclass::text AS name, array_agg(quote_ident(attname) ORDER BY attnum) AS columns
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace::regnamespace::text = ANY ($1) AND relkind = 'r'
   AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
 GROUP BY attrelid
"""

Columns = Mapping[str, Sequence[str]]


async def shape(db: asyncpg.Connection) -> set[str]:
    return {row["what"] for row in await db.fetch(SHAPE, SCHEMAS)}


async def columns(db: asyncpg.Connection) -> Columns:
    """The columns of every table, by its name."""
    return {row["name"]: row["columns"] for row in await db.fetch(COLUMNS, SCHEMAS)}


async def rows(db: asyncpg.Connection, wanted: Columns) -> dict[str, list[str]]:
    """Every row of these tables as JSON, so far as these columns go."""
    return {table: await _rows_of(db, table, names) for table, names in wanted.items()}


async def _rows_of(db: asyncpg.Connection, table: str, names: Sequence[str]) -> list[str]:
    query = f"SELECT {', '.join(names)} FROM {table}"  # noqa: S608  # from the catalogue
    found = await db.fetch(f"SELECT row_to_json(wanted)::text FROM ({query}) wanted ORDER BY 1")  # noqa: S608  # of it
    return [row[0] for row in found]
