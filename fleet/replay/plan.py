"""What to buy and to give back, decided before the first call: the same file, the same plan."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .invoices import Line

CURRENCY = "GBP"
MOST_IN_A_CART = 999

# Five digits, perhaps with letters for the variant. The rest is postage, fees, discounts,
# vouchers, samples and corrections.
PRODUCT_CODE = re.compile(r"\d{5}[A-Za-z]{0,2}")

NO_PRODUCT = "code is not a product's (postage, fees, discounts, vouchers)"
NO_PRICE = "price is zero or below (gifts, write-offs)"
NO_PENCE = "price is not in whole pence"
NOT_BOUGHT = "quantity is below zero (write-offs)"
TOO_MANY = f"quantity is past {MOST_IN_A_CART}, the most that a cart takes"
NO_PURCHASE = "cancellation without an earlier purchase of that customer"
NOTHING_LEFT = "no line that can be bought"
BAD_DEBT = "adjustment of bad debt"


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Purchase:
    """An invoice to be bought: its items in the order of its lines, as they go into the cart."""

    invoice: str
    customer: str
    items: Sequence[tuple[str, int]]
    total: Decimal


@dataclass(frozen=True, slots=True)
class Cancellation:
    """An invoice to be given back: how much of which purchases."""

    invoice: str
    customer: str
    refunds: dict[str, Decimal]


@dataclass
class Plan:
    """`skipped` counts lines, `refused` whole invoices, both by reason."""

    read: int = 0
    invoices: list[Purchase | Cancellation] = field(default_factory=list)
    products: dict[str, Product] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def make(invoices: Iterable[Sequence[Line]]) -> Plan:
    plan = Plan()
    bought = Bought()
    for lines in invoices:
        plan.read += 1
        invoice = lines[0].invoice
        if invoice.startswith("A"):
            plan.refused[BAD_DEBT] += 1
        elif invoice.startswith("C"):
            _cancel(plan, bought, lines)
        else:
            _buy(plan, bought, lines)
    return plan


class Bought:
    """What each customer has, by purchase: a cancellation does not say which one it cancels."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)

    def add(self, purchase: Purchase) -> None:
        for sku, quantity in purchase.items:
            left = self._left[purchase.customer, sku]
            left[purchase.invoice] = left.get(purchase.invoice, 0) + quantity

    def take_back(self, customer: str, sku: str, quantity: int) -> str | None:
        """The customer's latest purchase that still has that many, which are then gone from it."""
        left = self._left[customer, sku]
        for invoice in reversed(left):
            if left[invoice] >= quantity:
                left[invoice] -= quantity
                return invoice
        return None


def customer_of(line: Line) -> str:
    """Whoever bought without an account is a customer of their own, once for every invoice."""
    return f"customer-{line.customer}" if line.customer else f"guest-{line.invoice}"


def _buy(plan: Plan, bought: Bought, lines: Sequence[Line]) -> None:
    in_cart: Counter[str] = Counter()
    items = []
    total = Decimal(0)
    for line in lines:
        if reason := _unfit(line) or _too_many(line, in_cart):
            plan.skipped[reason] += 1
            continue
        in_cart[line.sku] += line.quantity
        items.append((line.sku, line.quantity))
        total += line.quantity * line.price
        _offer(plan, line)
    if not items:
        plan.refused[NOTHING_LEFT] += 1
        return
    purchase = Purchase(lines[0].invoice, customer_of(lines[0]), items, total)
    plan.invoices.append(purchase)
    bought.add(purchase)


def _cancel(plan: Plan, bought: Bought, lines: Sequence[Line]) -> None:
    customer = customer_of(lines[0])
    refunds: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if reason := _no_product(line):
            plan.skipped[reason] += 1
        elif purchase := bought.take_back(customer, line.sku, -line.quantity):
            refunds[purchase] += -line.quantity * line.price
        else:
            plan.skipped[NO_PURCHASE] += 1
    if refunds:
        plan.invoices.append(Cancellation(lines[0].invoice, customer, dict(refunds)))
    else:
        plan.refused[NO_PURCHASE] += 1


def _unfit(line: Line) -> str | None:
    return _no_product(line) or (NOT_BOUGHT if line.quantity <= 0 else None)


def _no_product(line: Line) -> str | None:
    if not PRODUCT_CODE.fullmatch(line.code):
        return NO_PRODUCT
    if line.price <= 0:
        return NO_PRICE
    return None if line.price * 100 % 1 == 0 else NO_PENCE


def _too_many(line: Line, in_cart: Counter[str]) -> str | None:
    return TOO_MANY if in_cart[line.sku] + line.quantity > MOST_IN_A_CART else None


def _offer(plan: Plan, line: Line) -> None:
    """Under its first description that is not empty."""
    known = plan.products.get(line.sku)
    if known is None or (known.name == line.code and line.description):
        plan.products[line.sku] = Product(line.sku, line.description or line.code, line.price)
