"""The audit log: an entry for each change that the staff or an admin makes, written in the unit of
work that makes it. A change that is undone or refused leaves no entry.

Routes have no part in it, so that none can forget it: a request of such a caller carries its entry
from the moment it is let in, and `Database` writes the entry before it commits.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .verbs import SAFE

if TYPE_CHECKING:
    from starlette.types import Scope

    from .callers import Caller


# Applied to each service's schema by its owner, and safe to apply again. An entry names the caller
# by the `sub` of their token; it holds no e-mail address, and nothing of a body or a query.
DDL = """
CREATE TABLE IF NOT EXISTS {schema}.{name}_audit_log (
    entry_id   uuid PRIMARY KEY DEFAULT uuidv7(),
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    subject    text NOT NULL CHECK (subject <> '' AND length(subject) <= 255),
    roles      text NOT NULL,
    method     text NOT NULL,
    route      text NOT NULL,  -- /products/{{sku}}
    path       text NOT NULL,  -- /products/TEA
    request_id text NOT NULL   -- as in the logs of every service that the request went through
);
-- GET /audit-log?subject=, newest first.
CREATE INDEX IF NOT EXISTS {name}_audit_log_by_subject
    ON {schema}.{name}_audit_log (subject, entry_id DESC);

-- Entries are never changed or deleted, not by the schema's owner either.
CREATE OR REPLACE FUNCTION {schema}.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE OR REPLACE TRIGGER append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.{name}_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_audit_change();

GRANT SELECT, INSERT ON {schema}.{name}_audit_log TO {name}_app;
"""

# PostgreSQL gives a transaction an id with its first write or row lock: without one, nothing has
# changed.
WRITE = """
INSERT INTO {table} (subject, roles, method, route, path, request_id)
SELECT $1, $2, $3, $4, $5, $6 WHERE pg_current_xact_id_if_assigned() IS NOT NULL
RETURNING true
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of one request. `changing`: its method may change something."""

    table: str
    changing: bool
    values: tuple[str, ...]

    async def write(self, db: Any) -> bool:
        """Write it, as the last statement of a unit of work. Returns whether anything had
        changed."""
        return bool(await db.fetchval(WRITE.format(table=self.table), *self.values))


def entry_of(
    scope: "Scope", route: str, caller: "Caller", request_id: str, table: str
) -> Entry | None:
    """The entry of a request, to be written if it changes something. None for customers, services,
    and callers without a token."""
    if not caller.accountable:
        return None
    method, path = scope["method"], scope["path"]
    values = (caller.subject, caller.roles, method, route, path, request_id)
    return Entry(table, method not in SAFE, values)


def table_of(schema: str, service: str) -> str:
    return f"{schema}.{service}_audit_log"
