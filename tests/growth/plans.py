"""Plans of PostgreSQL, and what in them would grow with a table."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import asyncpg

from .statements import Statement

Node: TypeAlias = dict[str, Any]

# As if each table had a thousand times its rows, though its pages stay: the planner goes by that.
TIMES = 1000
GROWN = """
SELECT pg_restore_relation_stats('schemaname', schemaname::text, 'relname', relname::text,
                                 'reltuples', (greatest(reltuples, 1000) * $2)::real)
  FROM pg_class JOIN pg_tables ON pg_class.oid = format('%I.%I', schemaname, tablename)::regclass
 WHERE schemaname = ANY ($1)
"""
ROWS = "SELECT relname, reltuples FROM pg_class WHERE relnamespace::regnamespace::text = ANY ($1)"

# What a statement may sort, or pass by: what one request asks for, or the most that a search ranks.
BOUND = 20_000

KINDS = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"

MODES = ("force_generic_plan", "force_custom_plan")
# For custom plans. Ids of the small world stand in every table, whatever they are called there.
VALUES = {
    "uuid": "'{id}'", "uuid[]": "'{{{id}}}'", "text": "'{sku}'", "text[]": "'{{{sku}}}'",
    "boolean": "true", "boolean[]": "'{{true}}'", "timestamp with time zone": "now()",
    "jsonb": "'{{}}'", "jsonb[]": "'{{\"{{}}\"}}'", "bytea": "''",
}  # fmt: skip
NUMBER, NUMBERS = "50", "'{{1}}'"


async def plan(
    db: asyncpg.Connection, statement: Statement, mode: str, somebody: dict[str, str]
) -> Node:
    """How PostgreSQL would run a statement: `mode` is a value of plan_cache_mode."""
    await db.execute(f"SET LOCAL plan_cache_mode = {mode}")
    await db.execute(f"PREPARE asked AS {statement.text}")
    if statement.values is None:
        values = [_value(kind).format(**somebody) for kind in await db.fetchval(KINDS)]
    else:
        values = [_literal(value) for value in statement.values]
    given = ", ".join(values)
    told = await db.fetchval(f"EXPLAIN (FORMAT json) EXECUTE asked {given and f'({given})'}")
    await db.execute("DEALLOCATE asked")
    found: Node = json.loads(told)[0]["Plan"]
    return found


def _literal(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "'{" + ",".join(map(str, value)) + "}'"
    return "NULL" if value is None else f"'{value}'"


def _value(kind: str) -> str:
    return VALUES.get(kind) or (NUMBERS if kind.endswith("[]") else NUMBER)


def faults(plan: Node, rows: Mapping[str, float]) -> Iterator[str]:
    """What costs more the more rows there are; `rows` is how many each table has."""
    for node, above in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name", "")
        whole = kind == "Seq Scan" and table not in SHORT_LIVED
        if whole and _rows_read(node, above, rows[table]) > BOUND:
            yield f"reads all of {table}"
        if kind in ("Sort", "Incremental Sort") and _rows_below(node) > BOUND:
            yield f"sorts {_rows_below(node)} rows by {', '.join(node['Sort Key'])}"
        if ALWAYS_TRUE.search(node.get("Filter", "")):
            yield f"passes by what comes before the cursor: {node['Filter']}"
        if table not in SEARCHED and _walks(node, rows):
            yield f"passes by all of {table} until enough are found: {node['Filter']}"


# What somebody waits for, two minutes at most, parcels whose orders are not told yet, and whom a
# restored backup has brought back.
SHORT_LIVED = {"export_parts", "claims", "to_erase"}

QUEUE = 100
# Going along the index of names or prices until enough documents have a common word is what a
# search should do; its plans are made for the words asked for.
SEARCHED = {"index"}

# A generic plan cannot use an index for it.
ALWAYS_TRUE = re.compile(r"\(\$\d+ IS NULL\) OR \([^=]*[<>]")


def nodes(plan: Node, above: Node | None = None) -> Iterator[tuple[Node, Node]]:
    """Each node, and the one that it hands its rows to."""
    yield plan, above or {}
    for below in plan.get("Plans", []):
        yield from nodes(below, plan)


def _rows_read(scan: Node, above: Node, of: float) -> float:
    """By a sequential scan, which ends early where only the first rows are asked for."""
    wanted = above["Plan Rows"] / scan["Plan Rows"] if above.get("Node Type") == "Limit" else 1.0
    return float(of * wanted)


def _walks(node: Node, rows: Mapping[str, float]) -> bool:
    """Whether it goes along an index that knows nothing of the value that it looks for. The
    queues of what is unfinished are indexes too, and short."""
    sought = " = " in node.get("Filter", "") and " = " not in node.get("Index Cond", "")
    return sought and rows.get(node.get("Index Name", ""), 0) > QUEUE


def _rows_below(node: Node) -> int:
    """A page at most, where there is a LIMIT below: a cached plan does not know which."""
    if any(below["Node Type"] == "Limit" for below, _ in nodes(node)):
        return 0
    return max(int(below["Plan Rows"]) for below in node["Plans"])
