"""What goes in and out of the ledger."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from chassis import Amount, Currency, Input, Output, Text, Timestamp

Kind = Literal["charge", "refund"]
Reference = Annotated[Text, Field(max_length=200)]
Money = Annotated[str, Field(examples=["19.99"])]


class NewTransaction(Input):
    """A charge is of the order's total; a refund is of any part that is not refunded yet."""

    order_id: UUID
    amount: Amount
    currency: Currency
    kind: Kind = "charge"
    reference: Reference | None = None


class Transaction(Output):
    transaction_id: UUID
    order_id: UUID
    kind: Kind
    amount: Money
    currency: str
    reference: str | None
    created_at: Timestamp


class Balance(Output):
    """What was taken for an order and given back; `net` is the difference."""

    order_id: UUID
    charged: Money
    refunded: Money
    net: Money
    currency: str
