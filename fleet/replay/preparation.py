"""What must stand before the first purchase: products, stock, search documents, customers."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..client import Client
from ..failure import Failure
from .crowd import at_once
from .plan import CURRENCY, Cancellation, Product, Purchase
from .progress import Progress

# The data have countries, and no addresses; and nothing is shipped to nowhere.
ADDRESS = {"line1": "1 Replay Road", "city": "London", "postal_code": "E14 5AB", "country": "GB"}

ROWS_A_CALL = 1000
CUSTOMERS_AT_ONCE = 8


async def prepare(
    client: Client,
    products: Mapping[str, Product],
    invoices: Sequence[Purchase | Cancellation],
) -> dict[str, str]:
    """Make what these invoices need; returns the customers' ids by name.

    May be done again: everything is replaced or found. Raises Failure when the fleet refuses.
    """
    needed = demand(invoices)
    offered = [products[sku] for sku in needed]
    stock = [{"sku": sku, "quantity": quantity} for sku, quantity in needed.items()]
    documents = [_document(product) for product in offered]
    await _fill(client, "product_catalogue", "/products/bulk", "products", documents)
    await _fill(client, "warehouse", "/stock/bulk", "stock", stock)
    await _fill(client, "search", "/index/bulk", "documents", documents)
    return await _customers(client, list(dict.fromkeys(each.customer for each in invoices)))


def demand(invoices: Iterable[Purchase | Cancellation]) -> Counter[str]:
    """How many of each SKU these purchases take."""
    needed: Counter[str] = Counter()
    for invoice in invoices:
        if isinstance(invoice, Purchase):
            for sku, quantity in invoice.items:
                needed[sku] += quantity
    return needed


def _document(product: Product) -> dict[str, str]:
    return {
        "sku": product.sku,
        "name": product.name,
        "price": f"{product.price:.2f}",
        "currency": CURRENCY,
    }


async def _fill(
    client: Client, service: str, path: str, member: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    progress = Progress(member.capitalize(), len(rows))
    for start in range(0, len(rows), ROWS_A_CALL):
        part = rows[start : start + ROWS_A_CALL]
        answer = await client.ask("POST", service, path, {member: part})
        if not answer.ok or answer.body["errors"]:
            raise Failure(f"{service} does not take everything at {path}: {answer.body}")
        progress.advance(len(part))


async def _customers(client: Client, names: Sequence[str]) -> dict[str, str]:
    progress = Progress("Customers", len(names))
    ids = {}

    async def make(name: str) -> None:
        ids[name] = await _customer(client, name)
        progress.advance()

    await at_once(CUSTOMERS_AT_ONCE, make, deque(names))
    return ids


async def _customer(client: Client, name: str) -> str:
    """`customer-17850` is "Customer 17850"; one who is there from an earlier run is found."""
    email = f"{name}@example.org"
    person = {"email": email, "name": name.replace("-", " ").capitalize(), "address": ADDRESS}
    answer = await client.ask("POST", "customer", "/customers", person, f"replay-{name}")
    if answer.ok:
        return str(answer.body["customer_id"])
    found = await client.ask("GET", "customer", f"/customers?email={quote(email)}")
    if not found.ok or not found.body["items"]:
        raise Failure(f"Customer {email} can be neither made nor found: {answer.body}")
    return str(found.body["items"][0]["customer_id"])
