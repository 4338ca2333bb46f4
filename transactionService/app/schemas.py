"""What goes in and out of the ledger."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Amount, Currency, Input, Output, Text, Timestamp

Kind = Literal["charge", "refund"]
Reference = Annotated[Text, Field(max_length=200)]
Money = Annotated[str, Field(examples=["19.99"])]


class NewTransaction(
    Input,
    example={
        "order_id": "0190b6a8-7a63-7000-8000-000000000000",
        "amount": "9.90",
        "currency": "EUR",
        "reference": "invoice 2026-0042",
    },
):
    """A charge is of the order's total; a refund is of any part that is not refunded yet."""

    order_id: UUID
    amount: Amount
    """A charge is of all that the order comes to, a refund of any part of the charge."""
    currency: Currency
    kind: Kind = "charge"
    """Whether money was taken or given back."""
    reference: Reference | None = None
    """What it is about, in the caller's words."""


class Transaction(Output):
    transaction_id: UUID
    order_id: UUID
    kind: Kind
    """Whether money was taken or given back."""
    amount: Money
    """In major units of the currency, exactly."""
    currency: str
    reference: str | None
    """What it is about, in the caller's words."""
    created_at: Timestamp


class Balance(Output):
    """What was taken for an order and given back; `net` is the difference."""

    order_id: UUID
    charged: Money
    """What was taken for the order."""
    refunded: Money
    """What was given back."""
    net: Money
    """Charged less refunded."""
    currency: str
