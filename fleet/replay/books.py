"""Revenue by our books against revenue by the file, to the penny."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from ..client import Client
from ..failure import Failure
from .crowd import at_once
from .journal import Entry
from .plan import Cancellation, Plan, Purchase

READERS = 8
NET = """
SELECT coalesce(sum(charged_minor - refunded_minor), 0)
  FROM payment.balances WHERE order_id = ANY($1::uuid[])
"""


@dataclass(frozen=True)
class Revenue:
    """What was taken less what was given back: by the file, by the ledger over HTTP, by SQL."""

    by_file: Decimal
    by_books: Decimal
    by_audit: Decimal

    @property
    def agrees(self) -> bool:
        return self.by_file == self.by_books == self.by_audit


async def revenue(
    client: Client,
    auditor_url: str,
    plan: Plan,
    done: Mapping[str, Entry],
) -> Revenue:
    """Over the orders that were placed. Raises Failure when the books cannot be read."""
    orders = [entry.order_id for entry in done.values() if entry.order_id]
    return Revenue(
        by_file=sum((_by_file(each, done) for each in plan.invoices), Decimal(0)),
        by_books=await _by_books(client, orders),
        by_audit=await _by_audit(auditor_url, orders),
    )


def _by_file(invoice: Purchase | Cancellation, done: Mapping[str, Entry]) -> Decimal:
    """What the invoice's own lines come to, if it was played; never what the fleet answered."""
    entry = done.get(invoice.invoice)
    if entry is None or entry.refused:
        return Decimal(0)
    if isinstance(invoice, Purchase):
        return invoice.total
    return -sum((invoice.refunds[each] for each in entry.refunds), Decimal(0))


async def _by_books(client: Client, orders: Sequence[str]) -> Decimal:
    nets = []

    async def read(order_id: str) -> None:
        answer = await client.ask("GET", "transaction", f"/balances/{order_id}")
        if not answer.ok:
            raise Failure(f"The ledger does not know order {order_id}: {answer.status}.")
        nets.append(Decimal(answer.body["net"]))

    await at_once(READERS, read, deque(orders))
    return sum(nets, Decimal(0))


async def _by_audit(auditor_url: str, orders: Sequence[str]) -> Decimal:
    try:
        db = await asyncpg.connect(auditor_url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Failure(f"The auditor cannot read the books: {error}.") from error
    try:
        return Decimal(await db.fetchval(NET, orders)).scaleb(-2)
    finally:
        await db.close()
