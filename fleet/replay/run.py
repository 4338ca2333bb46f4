"""One data file against one fleet, several shoppers at once."""

from collections import defaultdict, deque
from collections.abc import Iterable
from uuid import UUID

from ..client import Client
from ..failure import Failure
from .crowd import at_once
from .journal import Entry, Journal
from .plan import Cancellation, Plan, Purchase
from .preparation import prepare
from .progress import Progress
from .shopper import Refused, Shopper

Invoice = Purchase | Cancellation


async def play(client: Client, dataset: UUID, plan: Plan, journal: Journal, shoppers: int) -> None:
    """Play what the journal does not hold yet. Raises Failure when the fleet is gone."""
    await _refuse_other_fleet(client, journal)
    _refuse_going_back(plan, journal)
    left = [each for each in plan.invoices if each.invoice not in journal.entries]
    if not left:
        return
    shopper = Shopper(client, dataset, await prepare(client, plan.products, left))
    progress = Progress("Invoices", len(left))
    waiting = _queues(left)

    async def visit(queue: deque[Invoice]) -> None:
        journal.add(await _become(shopper, queue.popleft(), journal))
        progress.advance()
        if queue:
            waiting.append(queue)

    await at_once(shoppers, visit, waiting)


def _queues(invoices: Iterable[Invoice]) -> deque[deque[Invoice]]:
    """One queue a customer, whose invoices keep their order; customers take turns."""
    by_customer: dict[str, deque[Invoice]] = defaultdict(deque)
    for invoice in invoices:
        by_customer[invoice.customer].append(invoice)
    return deque(by_customer.values())


async def _become(shopper: Shopper, invoice: Invoice, journal: Journal) -> Entry:
    try:
        if isinstance(invoice, Purchase):
            return await shopper.buy(invoice)
        return await shopper.give_back(invoice, journal.entries)
    except Refused as refused:
        return Entry(invoice.invoice, refused=str(refused))


async def _refuse_other_fleet(client: Client, journal: Journal) -> None:
    """Another database, or one made anew, does not know what the journal says is done."""
    orders = [entry.order_id for entry in journal.entries.values() if entry.order_id]
    if orders and not (await client.ask("GET", "order", f"/orders/{orders[-1]}")).ok:
        raise Failure(
            f"{journal.path} tells of orders that this fleet does not have.\n"
            "If that is as it should be, remove the file and start again."
        )


def _refuse_going_back(plan: Plan, journal: Journal) -> None:
    """Later cancellations have changed what earlier purchases came to."""
    if journal.entries.keys() - {each.invoice for each in plan.invoices}:
        raise Failure("An earlier replay went further. Choose a higher --limit, or none.")
