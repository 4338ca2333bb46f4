"""What became of the file, as a table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from .. import console
from .books import Revenue
from .journal import Entry
from .plan import CURRENCY, Plan

WIDTH = 64


def tell(plan: Plan, done: Mapping[str, Entry], revenue: Revenue) -> None:
    refused = plan.refused + Counter(each.refused for each in done.values() if each.refused)
    console.say("")
    _row("Invoices read", f"{plan.read:,}", console.BOLD)
    _row("  placed, paid and shipped", f"{sum(bool(each.order_id) for each in done.values()):,}")
    _row("  cancellations refunded", f"{sum(bool(each.refunds) for each in done.values()):,}")
    _row("  refused", f"{refused.total():,}")
    _reasons(refused.items())
    _row("Lines skipped", f"{plan.skipped.total():,}", console.BOLD)
    _reasons(plan.skipped.items())
    _row("Revenue by the file", _money(revenue.by_file), console.BOLD)
    _row("Revenue by our books", _money(revenue.by_books), console.BOLD)
    if revenue.agrees:
        console.say("They agree to the penny.", console.GREEN)
    else:
        _row("  of them, as the auditor reads them", _money(revenue.by_audit))
        console.say("THEY DO NOT AGREE.", console.RED)


def _reasons(counts: Iterable[tuple[str, int]]) -> None:
    for reason, count in sorted(counts, key=lambda pair: -pair[1]):
        _row(f"    {reason}", f"{count:,}")


def _row(label: str, value: str, style: str = "") -> None:
    console.say(f"{label:{WIDTH}} {value:>18}", style)


def _money(amount: Decimal) -> str:
    return f"{CURRENCY} {amount:,.2f}"
