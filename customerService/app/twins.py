"""Twins: customers of an older version whose e-mail addresses count as one today.

All of them are kept, and found by the address. The first of them has it; when that customer is
erased or changes the address, the next one has it. Only a person can decide whose it is.
"""

from uuid import UUID

from chassis import Connection, Context, Page
from chassis.lists import decode, encode, page

from .emails import comparable
from .schemas import Twin

OLDEST = UUID(int=0)

TWINS = """
SELECT customer_id, email, twin_of, created_at FROM customer.customers
 WHERE twin_of IS NOT NULL AND (twin_of, customer_id) > ($2, $3)
 ORDER BY twin_of, customer_id LIMIT $1
"""

WITHOUT_IDNA = """
SELECT customer_id, email FROM customer.customers
 WHERE email_key ~ '[^\\x01-\\x7F][^@]*$' ORDER BY customer_id LIMIT 100
"""

# If another customer has the address already, that one keeps it.
BRING_INTO_IDNA = """
UPDATE customer.customers late
   SET email_key = customer.email_key($3),
       twin_of = coalesce(twin_of, (
           SELECT customer_id FROM customer.customers
            WHERE email_key = customer.email_key($3) AND twin_of IS NULL AND customer_id <> $1))
 WHERE customer_id = $1 AND email = $2
"""

# When the first customer of an address gives it up, the next twin is the first.
PROMOTE = """
UPDATE customer.customers twin SET twin_of = nullif(first.customer_id, twin.customer_id)
  FROM (SELECT customer_id FROM customer.customers
         WHERE twin_of = $1 ORDER BY customer_id LIMIT 1) AS first
 WHERE twin.twin_of = $1 AND NOT EXISTS (
       SELECT FROM customer.customers WHERE customer_id = $1 AND email_key = twin.email_key)
"""


async def listed(db: Connection, limit: int, cursor: str | None) -> Page[Twin]:
    """Oldest first, by the customer whose twins they are."""
    after = decode(cursor, UUID, UUID) or (OLDEST, OLDEST)
    rows = await db.fetch(TWINS, limit + 1, *after)
    return page(
        rows,
        limit,
        lambda row: Twin(**row),
        lambda row: encode(row["twin_of"], row["customer_id"]),
    )


async def promote(db: Connection, customer_id: UUID) -> None:
    """Needs the unit of work in which this customer gives up an address."""
    await db.execute(PROMOTE, customer_id)


async def bring_into_idna(context: Context) -> int:
    """The sweep: addresses of an older version, whose domains SQL could not bring into one form."""
    rows = await context.database.fetch(WITHOUT_IDNA)
    for row in rows:
        email = row["email"]
        await context.database.execute(
            BRING_INTO_IDNA, row["customer_id"], email, comparable(email)
        )
    return len(rows)
