"""One customer: kept while they want to be, then reduced to an id."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from asyncpg import Record, UniqueViolationError

from chassis import (
    Address,
    Connection,
    NewAddress,
    NotFound,
    Page,
    Preconditions,
    Problem,
    constraint_of,
    tag_of,
)
from chassis.lists import NEWEST, conditions, decode, encode, page

from . import twins
from .emails import comparable
from .schemas import Customer, CustomerChanges, NewCustomer

INSERT = """
INSERT INTO customer.customers (email, email_key, name, phone, address, customer_id)
VALUES ($1, customer.email_key($2), $3, $4, $5, coalesce($6, uuidv7()))
RETURNING *
"""

FIND = """
SELECT * FROM customer.customers
 WHERE customer_id = $1 AND erased_at IS NULL AND ($2::uuid IS NULL OR customer_id = $2)
"""

# By its own letters too: after an upgrade a domain may not be in IDNA yet.
FIND_BY_EMAIL = """
SELECT * FROM customer.customers
 WHERE email_key IN (customer.email_key($1), customer.email_key($2))
   AND ($3::uuid IS NULL OR customer_id = $3)
 ORDER BY customer_id
"""

LIST = """
SELECT * FROM customer.customers
 WHERE erased_at IS NULL AND customer_id < $2{filters}
 ORDER BY customer_id DESC LIMIT $1
"""

CHANGE = """
UPDATE customer.customers
   SET email = coalesce($2, email), name = coalesce($3, name),
       email_key = coalesce(customer.email_key($9), email_key),
       phone = CASE WHEN $4 THEN $5 ELSE phone END,
       address = CASE WHEN $6 THEN $7 ELSE address END,
       updated_at = clock_timestamp()
 WHERE customer_id = $1 AND erased_at IS NULL AND ($8::uuid IS NULL OR customer_id = $8)
RETURNING *, old.updated_at AS before
"""

ERASE = """
UPDATE customer.customers
   SET email = NULL, email_key = NULL, twin_of = NULL, name = NULL, phone = NULL, address = NULL,
       erased_at = now(), updated_at = clock_timestamp()
 WHERE customer_id = $1 AND erased_at IS NULL AND ($2::uuid IS NULL OR customer_id = $2)
RETURNING old.updated_at
"""

# The stored answer is a copy of the personal data. Without it, a late repeat of the request that
# made the customer makes another one: better than keeping what was to be erased.
FORGET_ANSWERS = "DELETE FROM customer.customer_idempotency_keys WHERE resource_id = $1"

EXISTED = """
SELECT true FROM customer.customers
 WHERE customer_id = $1 AND ($2::uuid IS NULL OR customer_id = $2)
"""


class EmailTaken(Problem, status=409):
    """Another customer has this e-mail address, in whatever way it is written.

    Sign in as that customer, or choose another address.
    """


class CustomerExists(Problem, status=409):
    """The caller has a profile already, or had one and was erased.

    Read the profile and change it. One that was erased does not come back.
    """


def as_customer(row: Record) -> Customer:
    address = row["address"]
    return Customer(
        customer_id=row["customer_id"],
        email=row["email"],
        name=row["name"],
        phone=row["phone"],
        address=None if address is None else Address.model_validate_json(address),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    ).tagged(tag_of(row["updated_at"]))


def as_json(given: NewAddress | None) -> str | None:
    return None if given is None else Address.of(given).model_dump_json()


async def create(db: Connection, new: NewCustomer, owner: UUID | None) -> Customer:
    """Under the caller's own id, where a customer makes their profile. Raises EmailTaken,
    CustomerExists."""
    values = (new.email, comparable(new.email), new.name, new.phone, as_json(new.address), owner)
    with _one_customer_an_email():
        row = await db.fetchrow(INSERT, *values)
    assert row is not None
    return as_customer(row)


async def find(db: Connection, customer_id: UUID, owner: UUID | None) -> Customer:
    """Raises NotFound, also for a customer who was erased, or is not the owner."""
    return _found(await db.fetchrow(FIND, customer_id, owner), customer_id)


async def find_by_email(db: Connection, email: str, owner: UUID | None) -> list[Customer]:
    """The one with this address, however it is written; or none. Twins, where there are any."""
    rows = await db.fetch(FIND_BY_EMAIL, comparable(email), email, owner)
    return [as_customer(row) for row in rows]


async def listed(
    db: Connection, limit: int, cursor: str | None, owner: UUID | None
) -> Page[Customer]:
    """Newest first."""
    (before,) = decode(cursor, UUID) or [NEWEST]
    filters, values = conditions({"customer_id = {}": owner}, first=3)
    rows = await db.fetch(LIST.format(filters=filters), limit + 1, before, *values)
    return page(rows, limit, as_customer, lambda row: encode(row["customer_id"]))


async def change(
    db: Connection,
    customer_id: UUID,
    changes: CustomerChanges,
    owner: UUID | None,
    preconditions: Preconditions,
) -> Customer:
    """Change the members that were given. Needs a unit of work. Raises NotFound, EmailTaken,
    PreconditionFailed."""
    given = changes.model_fields_set
    with _one_customer_an_email():
        row = await db.fetchrow(
            CHANGE,
            customer_id,
            changes.email,
            changes.name,
            "phone" in given,
            changes.phone,
            "address" in given,
            as_json(changes.address),
            owner,
            changes.email and comparable(changes.email),
        )
        if changes.email:
            await twins.promote(db, customer_id)
    if row is None:
        raise _unknown(customer_id)
    preconditions.check(tag_of(row["before"]))
    return as_customer(row)


async def erase(
    db: Connection, customer_id: UUID, owner: UUID | None, preconditions: Preconditions
) -> bool:
    """Leave nothing but the id. True if newly erased. Needs a unit of work; safe to repeat. Raises
    NotFound, PreconditionFailed."""
    before = await db.fetchval(ERASE, customer_id, owner)
    if before is None:
        if not await db.fetchval(EXISTED, customer_id, owner):
            raise _unknown(customer_id)
        preconditions.check(None)
        return False
    preconditions.check(tag_of(before))
    await twins.promote(db, customer_id)
    await db.execute(FORGET_ANSWERS, customer_id)
    return True


@contextmanager
def _one_customer_an_email() -> Iterator[None]:
    try:
        yield
    except UniqueViolationError as error:
        if constraint_of(error) == "customers_pkey":
            raise CustomerExists() from None
        # Said without the address: the answer is kept, and outlives an erasure.
        raise EmailTaken() from None


def _found(row: Record | None, customer_id: UUID) -> Customer:
    if row is None:
        raise _unknown(customer_id)
    return as_customer(row)


def _unknown(customer_id: UUID) -> NotFound:
    return NotFound(f"There is no customer {customer_id}.")
