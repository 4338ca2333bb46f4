"""Brings the schemas up, or forward: `python -m chassis.schema cartService orderService …`.

Every service has two roles. `cart_owner` cannot log in; it owns the schema and applies
`db/schema.sql`. `cart_app` logs in, for the service, and can do only what that file grants it.
`auditor` logs in and reads everything.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from . import audit_log, turns
from .secrets import secret, with_password

# One applies at a time; any constant does, as long as it is always the same one.
LOCK = 0x5C4E3A

# Each statement of a role's session is bounded even where the client has stopped caring.
ROLE_SETTINGS = {
    "statement_timeout": "2500ms",
    "lock_timeout": "1500ms",
    "idle_in_transaction_session_timeout": "5s",
}
CONNECTION_LIMIT = 24

VERSIONS = """
CREATE SCHEMA IF NOT EXISTS fleet;
CREATE TABLE IF NOT EXISTS fleet.schema_versions (
    service    text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
GRANT USAGE ON SCHEMA fleet TO PUBLIC;
GRANT SELECT ON fleet.schema_versions TO PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""

# Narrows UPDATE on a whole table to single columns: a service never changes a primary key, nor
# `created_at`. Where its own file grants single columns, these stay.
NARROW = """
DO $$ DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT pg_class.oid::regclass AS name, string_agg(quote_ident(attname), ', ') AS columns
          FROM pg_class
          JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
               AND attgenerated = '' AND attidentity = '' AND attname <> 'created_at'
         WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'
           AND EXISTS (SELECT FROM aclexplode(relacl)
                        WHERE privilege_type = 'UPDATE' AND grantee = '{name}_app'::regrole)
           AND NOT EXISTS (SELECT FROM pg_constraint
                            WHERE conrelid = attrelid AND contype = 'p' AND attnum = ANY (conkey))
         GROUP BY pg_class.oid
    LOOP
        EXECUTE format('REVOKE UPDATE ON %s FROM {name}_app', granted.name);
        EXECUTE format('GRANT UPDATE (%s) ON %s TO {name}_app', granted.columns, granted.name);
    END LOOP;
END $$;
"""

# Rights that PostgreSQL gives every role, and ours do not need: temporary tables and large objects
# can fill the disk, and a held advisory lock stops others. Only a superuser can withhold functions.
WITHHOLD_TABLES = "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"
WITHHOLD_FUNCTIONS = """
DO $$ DECLARE
    offered regprocedure;
BEGIN
    FOR offered IN
        SELECT oid FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
           AND has_function_privilege('public', oid, 'EXECUTE')
           AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock' OR proname ~ '^(lo_|lowrite$)')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', offered);
    END LOOP;
END $$;
"""

RECORD = """
INSERT INTO fleet.schema_versions (service, checksum) VALUES ($1, $2)
ON CONFLICT (service) DO UPDATE SET checksum = excluded.checksum, applied_at = now()
"""


class SchemaError(Exception):
    """The schema cannot be applied to this server."""


def name_of(folder: Path) -> str:
    """`cart` for the folder `cartService`."""
    return folder.resolve().name.removesuffix("Service")


def checksum_of(folder: Path) -> str:
    return hashlib.sha256(_sql_of(folder).encode()).hexdigest()


def _sql_of(folder: Path) -> str:
    """All that is applied for a service: its own file, and what the chassis keeps there."""
    own = (folder / "db" / "schema.sql").read_text()
    names = {"schema": _schema_named_in(own), "name": name_of(folder)}
    return "".join([own, *(ddl.format(**names) for ddl in (audit_log.DDL, turns.DDL, NARROW))])


async def apply(dsn: str, folders: Sequence[Path], passwords: Mapping[str, str]) -> None:
    """Make the roles and apply each folder's schema, all in one unit of work, under a lock.

    `dsn` is a role that may create roles. `passwords` is by service name, and `auditor`; a
    service without one gets a role that cannot log in. What is up to date is left alone.
    Raises SchemaError on a server older than PostgreSQL 18.
    """
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        async with connection.transaction():
            await _apply(connection, folders, passwords)
    finally:
        await connection.close()


async def _apply(
    db: asyncpg.Connection, folders: Sequence[Path], passwords: Mapping[str, str]
) -> None:
    if db.get_server_version().major < 18:
        raise SchemaError(
            f"PostgreSQL {db.get_server_version().major} is too old: "
            "version 18 or newer is needed (its uuidv7() mints the ids)."
        )
    await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    await db.execute("SET LOCAL client_min_messages = warning")
    await db.execute(VERSIONS)
    await _withhold(db)
    await _login_role(db, "auditor", passwords.get("auditor"))
    await db.execute("GRANT pg_read_all_data TO auditor")
    rows = await db.fetch("SELECT service, checksum FROM fleet.schema_versions")
    known = {row["service"]: row["checksum"] for row in rows}
    for folder in folders:
        name = name_of(folder)
        await _login_role(db, f"{name}_app", passwords.get(name))
        if known.get(name) != checksum_of(folder):
            await _apply_one(db, folder)


async def _withhold(db: asyncpg.Connection) -> None:
    database = await db.fetchval("SELECT quote_ident(current_database())")
    await db.execute(WITHHOLD_TABLES.format(database=database))
    if await db.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await db.execute(WITHHOLD_FUNCTIONS)


async def _apply_one(db: asyncpg.Connection, folder: Path) -> None:
    name = name_of(folder)
    sql = _sql_of(folder)
    owner = f"{_schema_named_in(sql)}_owner"
    await _role(db, owner, "NOLOGIN")
    database = await db.fetchval("SELECT quote_ident(current_database())")
    await db.execute(f"GRANT CREATE ON DATABASE {database} TO {owner}")
    await db.execute(f"GRANT {owner} TO CURRENT_USER")
    await db.execute(f"SET LOCAL ROLE {owner}")
    await db.execute(sql)
    await db.execute("RESET ROLE")
    await db.execute(RECORD, name, checksum_of(folder))


def _schema_named_in(sql: str) -> str:
    """The schema that a file creates: two services may share one, and its owner."""
    marker = "CREATE SCHEMA IF NOT EXISTS "
    return sql[sql.index(marker) + len(marker) :].split(";")[0].strip()


async def _role(db: asyncpg.Connection, role: str, options: str) -> None:
    if not await db.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await db.execute(f"CREATE ROLE {role} {options}")


async def _login_role(db: asyncpg.Connection, role: str, password: str | None) -> None:
    await _role(db, role, "NOLOGIN")
    if password is None:
        return
    literal = await db.fetchval("SELECT quote_literal($1::text)", password)
    await db.execute(
        f"ALTER ROLE {role} LOGIN PASSWORD {literal} CONNECTION LIMIT {CONNECTION_LIMIT}"
    )
    for setting, value in ROLE_SETTINGS.items():
        await db.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")
    await db.execute(f"ALTER ROLE {role} SET search_path = ''")


async def bring_own_up(dsn: str, folder: Path) -> None:
    """For a service that runs alone with a role that may create schemas: apply its own.

    A fleet's roles may not, and there it is done before they start.
    """
    connection = await asyncpg.connect(dsn, timeout=2, command_timeout=2)
    try:
        may = await connection.fetchval(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
    finally:
        await connection.close(timeout=2)
    if may:
        await apply(dsn, [folder], {})


def _passwords_from_environment(names: Sequence[str]) -> dict[str, str]:
    """`CART_DB_PASSWORD` for `cart`, and so on."""
    variables = {name: f"{name.upper()}_DB_PASSWORD" for name in [*names, "auditor"]}
    return {name: secret(variable) for name, variable in variables.items()}


def _dsn_from_environment() -> str:
    """Of the role that may create roles; its password may be a secret of its own."""
    dsn = os.environ["DATABASE_URL"]
    return dsn if urlsplit(dsn).password else with_password(dsn, secret("POSTGRES_PASSWORD"))


def main(arguments: Sequence[str]) -> None:
    folders = [Path(argument) for argument in arguments]
    try:
        passwords = _passwords_from_environment([name_of(folder) for folder in folders])
        asyncio.run(apply(_dsn_from_environment(), folders, passwords))
    except KeyError as missing:
        sys.exit(f"schema: {missing.args[0]} is not set. See the configuration table.")
    except (SchemaError, OSError, asyncpg.PostgresError) as error:
        sys.exit(f"schema: {error}")
    print(f"schema: {len(folders)} up to date")


if __name__ == "__main__":
    main(sys.argv[1:])
