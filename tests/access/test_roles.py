"""What a service's database role can do beyond its work: what a taken-over service could."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis import schema
from conftest import as_service
from fleet.services import BY_NAME, ROOT, SERVICES

EVERY = pytest.mark.parametrize("name", [service.name for service in SERVICES])

NOT_GIVEN = (
    # The disk, filled with what nobody looks at.
    "CREATE TEMPORARY TABLE mine (n integer)",
    "CREATE TABLE public.mine (n integer)",
    "CREATE SCHEMA mine",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/mine')",
    # What somebody else waits for: an erasure once, and whoever applies a schema.
    "SELECT pg_advisory_lock(8005)",
    f"SELECT pg_try_advisory_lock({schema.LOCK})",
    "SELECT pg_advisory_xact_lock(1, 2)",
    "SELECT pg_advisory_lock_shared(1)",
    # The machine, the server, and the others.
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "CREATE ROLE mine",
    "ALTER ROLE auditor PASSWORD 'mine'",
    "SET ROLE postgres",
    "SELECT * FROM pg_authid",
    "UPDATE fleet.schema_versions SET checksum = ''",
)

# By whole table, and by column; without the rights of an owner, and of reading.
MAY_UPDATE = """
SELECT attrelid::regclass::text AS name, attname::text AS attribute,
       has_table_privilege($1, attrelid, 'UPDATE') AS whole,
       attnum = ANY (coalesce(conkey, '{}')) AS is_key
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'
 WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
   AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
   AND has_column_privilege($1, attrelid, attnum, 'UPDATE')
"""

# Whose it is, of what, and for how much: what a row says about the past.
NEVER_CHANGED = {
    "cart": {"carts.created_at", "cartlines.place"},
    "order": {"orders.customer_id", "orders.cart_id", "orders.total_minor", "orders.currency"},
    "transaction": {"balances.order_id", "balances.charged_minor", "balances.currency"},
    "customer": {"customers.created_at", "subject_requests.customer_id"},
    "shipping": {"shipments.order_id", "shipments.customer_id", "shipments.tracking_number"},
    "warehouse": {"reservations.order_id", "reservations.caller", "reservation_items.quantity"},
    "fulfilment": {"jobs.order_id", "jobs.lines", "jobs.shipment_id"},
    "product_catalogue": {"products.created_at"},
    "search": {"index.number"},
    "payment": {"payments.created_at", "refunds.created_at"},
}
# Written once, and read.
APPEND_ONLY = {
    "order": {"orders.order_lines", "orders.order_history"},
    "transaction": {"payment.transactions", "payment.entries"},
    "payment": {"payment.sandbox_charges", "payment.sandbox_refunds"},
    "shipping": {"shipping.shipment_events"},
    "warehouse": {"warehouse.movements", "warehouse.reservation_items"},
    "fulfilment": {"fulfilment.job_steps"},
}


@pytest.fixture
async def role(name: str, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database as the service itself sees it."""
    connection = await asyncpg.connect(as_service(database_url, ROOT / BY_NAME[name].folder))
    yield connection
    await connection.close()


@EVERY
async def test_role_can_do_nothing_beside_its_work(role: asyncpg.Connection) -> None:
    for statement in NOT_GIVEN:
        try:
            await role.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        pytest.fail(f"it may: {statement}")
    assert await role.fetchval("SHOW search_path") == '""'


@EVERY
async def test_role_changes_what_changes_and_nothing_else(
    name: str, role: asyncpg.Connection
) -> None:
    granted = await role.fetch(MAY_UPDATE, f"{name}_app")
    assert granted
    for column in granted:
        told = f"{column['name']}.{column['attribute']}"
        assert not column["whole"], told
        assert not column["is_key"], told
        assert column["attribute"] != "created_at", told
        assert told.partition(".")[2] not in NEVER_CHANGED[name], told
        assert column["name"] not in APPEND_ONLY.get(name, ()), told
    assert {column["name"].partition(".")[0] for column in granted} == {BY_NAME[name].schema}
