"""Every version that was released comes forward: its schemas, with rows of real purchases."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from chassis import schema
from conftest import PASSWORD, run_sql, with_database
from fleet import audit
from fleet.services import ROOT, SERVICES
from tests.contents import SCHEMAS, columns, rows, shape

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.glob("[0-9]*"))
PASSWORDS = dict.fromkeys(["auditor", *(service.name for service in SERVICES)], PASSWORD)
ALL = tuple(service.folder for service in SERVICES)

EMPTY = [f"DROP SCHEMA IF EXISTS {name} CASCADE" for name in [*SCHEMAS, "fleet"]]

# A throwaway server does without durability.
NOT_HERE = {"durable"}


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[str]:
    name = f"upgrade_{secrets.token_hex(6)}"
    asyncio.run(run_sql(postgres, f"CREATE DATABASE {name}"))
    yield with_database(postgres, name)
    asyncio.run(run_sql(postgres, f"DROP DATABASE {name}"))


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def differences(
    database: str, old: Path, today: Path, services: Sequence[str] = ALL
) -> list[str]:
    """What is lost in an upgrade of these services, or other than in a new database."""
    await run_sql(database, *EMPTY)
    await apply(database, today, services)
    async with session(database) as db:
        new = await shape(db)
    await run_sql(database, *EMPTY)
    await apply(database, old, services)
    await run_sql(database, "SET session_replication_role = replica", *kept(old, services))
    async with session(database) as db:
        had = await columns(db)
        before = await rows(db, had)
    await apply(database, today, services)
    async with session(database) as db:
        now = await columns(db)
        if gone := [table for table in had if not {*had[table]} <= {*now.get(table, ())}]:
            return gone
        after = await rows(db, had)
        changed = [table for table in had if after[table] != before[table]]
        odd = sorted(await shape(db) ^ new)
        return [*changed, *odd, *(await broken(db) if services == ALL else [])]


async def apply(dsn: str, root: Path, services: Sequence[str]) -> None:
    await schema.apply(dsn, [root / folder for folder in services], PASSWORDS)


async def broken(db: asyncpg.Connection) -> list[str]:
    findings = await audit.check(db, audit.safety())
    return [each.invariant.name for each in findings if each.violations]


def kept(version: Path, services: Sequence[str]) -> Iterator[str]:
    """The statements that put the rows of these services' tables in."""
    tables = {table for folder in services for table in tables_of(version / folder)}
    for statement in (version / "rows.sql").read_text().split(";\n"):
        found = re.match(r"INSERT INTO (\S+) ", statement)
        if found and found[1] in tables:
            yield statement


def tables_of(folder: Path) -> list[str]:
    sql = (folder / "db" / "schema.sql").read_text()
    return re.findall(r"CREATE TABLE IF NOT EXISTS (\S+) ", sql)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_version_comes_forward_and_loses_no_row(database: str, version: str) -> None:
    found = asyncio.run(differences(database, HERE / version, ROOT))
    assert set(found) - NOT_HERE == set()


@pytest.mark.parametrize("version", VERSIONS)
async def test_old_documents_are_found_in_new_ways(database: str, version: str) -> None:
    search = ["searchService"]
    await run_sql(database, *EMPTY)
    await apply(database, HERE / version, search)
    await run_sql(
        database,
        *kept(HERE / version, search),
        "INSERT INTO search.index (sku, name, attributes)"
        " VALUES ('A-1', 'Wi-Fi 有机绿茶', '{\"ean\": 4006381333931}')",
    )
    await apply(database, ROOT, search)
    async with session(database) as db:
        for q in ("wifi", "绿茶", "a1", "4006381333931", "gren"):
            found = await db.fetchval(
                "SELECT count(*) FROM search.index, search.meaning($1, '') AS meant"
                " WHERE words @@ wide::tsquery",
                q,
            )
            assert found == 1, q


@pytest.mark.parametrize("version", VERSIONS)
def test_rows_are_kept_of_every_table(version: str) -> None:
    for folder in ALL:
        kept_of = " ".join(kept(HERE / version, [folder]))
        for table in tables_of(HERE / version / folder):
            assert f"INSERT INTO {table} " in kept_of, table


# Twins by today's rule, whom older versions took for two: composed and not, in IDNA and not, with
# something in it that cannot be seen.
TWINS = (
    "jos\u00e9@example.org",
    "jose\u0301@example.org",
    "ada@example.org",
    "ada\u200b@Example.org",
    "\u0130ada@example.org",
    "ada@b\u00fccher.example",
)
MORE_PEOPLE = """
INSERT INTO customer.customers (email, name, phone, address) VALUES ('{}', 'Ada', '+44 20 x5',
    '{{"line1": "1 Quay Street", "city": "Dubai", "postal_code": "0", "country": "AE"}}')
"""


@pytest.mark.parametrize("version", VERSIONS)
async def test_customers_who_are_twins_now_are_kept(database: str, version: str) -> None:
    await run_sql(database, *EMPTY)
    services = ["customerService"]
    await apply(database, HERE / version, services)
    await run_sql(database, *kept(HERE / version, services))
    await run_sql(database, *(MORE_PEOPLE.format(email) for email in TWINS))
    count = "SELECT count(*) FROM customer.customers WHERE erased_at IS NULL"
    async with session(database) as db:
        before = await db.fetchval(count)
        await apply(database, ROOT, services)
        assert await db.fetchval(count) == before
        twins = await db.fetch(
            "SELECT late.email, late.email_key = first.email_key AS same"
            " FROM customer.customers late"
            " JOIN customer.customers first ON first.customer_id = late.twin_of"
        )
        assert [tuple(row) for row in twins] == [
            ("jos\u00e9@example.org", True),
            ("ada@Example.org", True),
        ]
        # And so they stay, however often it is applied.
        await run_sql(database, "UPDATE fleet.schema_versions SET checksum = 'older'")
        await apply(database, ROOT, services)
        left = "SELECT count(*) FROM customer.customers WHERE twin_of IS NOT NULL"
        assert await db.fetchval(left) == 2


# An order with two parcels, and one whose parcel came back.
MORE_PARCELS = """
WITH made AS (
    INSERT INTO shipping.shipments (shipment_id, order_id, tracking_number, carrier, status)
    SELECT uuidv7(), order_id, 'SP0000000' || place, 'Post', status
      FROM (VALUES (1, 'dispatched'), (2, 'created'), (3, 'returned')) AS parcel (place, status),
           (SELECT uuidv7() AS order_id) AS ordered
    RETURNING shipment_id, status
)
INSERT INTO shipping.shipment_events (shipment_id, seq, status, at)
SELECT shipment_id, 1, 'created', '2026-01-31' FROM made
"""


@pytest.mark.parametrize("version", VERSIONS)
async def test_orders_are_told_of_parcels_from_before(database: str, version: str) -> None:
    """Each that may be on its way is claimed, once. Whether it may be is for its order to say."""
    await run_sql(database, *EMPTY)
    services = ["shippingService"]
    await apply(database, HERE / version, services)
    await run_sql(database, *kept(HERE / version, services), MORE_PARCELS)
    await apply(database, ROOT, services)
    async with session(database) as db:
        wrong = "SELECT count(*) FROM shipping.shipment_events WHERE recorded_at <> at"
        assert await db.fetchval(wrong) == 0
        unclaimed = await db.fetch(
            "SELECT DISTINCT status FROM shipping.shipments parcel WHERE NOT EXISTS ("
            " SELECT FROM shipping.claims claim WHERE claim.shipment_id = parcel.shipment_id)"
        )
        assert [row["status"] for row in unclaimed] == ["returned"]
        await run_sql(
            database,
            "DELETE FROM shipping.claims",
            "UPDATE fleet.schema_versions SET checksum = 'older'",
        )
        await apply(database, ROOT, services)
        assert await db.fetchval("SELECT count(*) FROM shipping.claims") == 0


CARELESS = {
    "a column that old tables do not get": ("order_id    uuid,", "order_id uuid, gift text,"),
    "a rule that old tables do not get": ("CHECK (version > 0)", "CHECK (version > 1)"),
    "a column that goes": ("GRANT", "ALTER TABLE cart.carts DROP COLUMN created_at; GRANT"),
    "rows that go": ("GRANT", "DELETE FROM cart.cartlines; GRANT"),
    "values that change": ("GRANT", "UPDATE cart.cartlines SET quantity = 9; GRANT"),
}


@pytest.mark.parametrize("change", CARELESS.values(), ids=CARELESS.keys())
def test_a_careless_change_is_noticed(
    database: str, tmp_path: Path, change: tuple[str, str]
) -> None:
    old = HERE / VERSIONS[0]
    careful = (old / "cartService/db/schema.sql").read_text()
    assert change[0] in careful
    (tmp_path / "cartService/db").mkdir(parents=True)
    (tmp_path / "cartService/db/schema.sql").write_text(careful.replace(*change, 1))
    assert asyncio.run(differences(database, old, tmp_path, ["cartService"]))


def test_no_change_is_none(database: str) -> None:
    old = HERE / VERSIONS[0]
    assert asyncio.run(differences(database, old, old, ["cartService"])) == []
