"""What the business counts: always after the commit, so that nothing is counted that is not so.

A process that dies between the two has counted too little; the books themselves are in the tables.
"""

from asyncpg import Record
from prometheus_client import Counter

from . import payments

PAYMENTS = Counter("payments_total", "Payments, as the provider decided.", ("outcome",))
CAPTURED = Counter("captured_minor_total", "Money taken, in minor units.", ("currency",))
REFUNDS = Counter("refunds_total", "Refunds that the provider made.")
REFUNDED = Counter("refunded_minor_total", "Money given back, in minor units.", ("currency",))

# Shown from the start: the first one is seen as an increase.
for outcome in ("captured", "declined"):
    PAYMENTS.labels(outcome)


def decided(before: Record, after: Record) -> None:
    """Of what two wrote, one counts: its own writing is one version on, and no more."""
    if payments.undecided(after) or after["version"] != before["version"] + 1:
        return
    PAYMENTS.labels(after["status"]).inc()
    if after["status"] == "captured":
        CAPTURED.labels(after["currency"]).inc(after["amount_minor"])


def refunded(refund: Record, first: bool) -> None:
    if first:
        REFUNDS.inc()
        REFUNDED.labels(refund["currency"]).inc(refund["amount_minor"])
