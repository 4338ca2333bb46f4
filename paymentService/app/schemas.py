"""What goes in and out of payments. A card's token comes in, and never goes out."""

import re
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from chassis import Amount, Currency, Input, LongText, Output, Timestamp

TOKEN = re.compile(r"tok_[A-Za-z0-9_]{1,60}")


def _provider_token(token: SecretStr) -> SecretStr:
    """Refuse what is no token, a card's number above all, without quoting it."""
    if not TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("must be a token of the payment provider, such as tok_ok")
    return token


Token = Annotated[
    SecretStr,
    AfterValidator(_provider_token),
    Field(json_schema_extra={"pattern": f"^{TOKEN.pattern}$"}, examples=["tok_ok"]),
]
Money = Annotated[str, Field(examples=["19.99"])]


class NewMethod(Input):
    type: Literal["card"]
    token: Token


class NewPayment(Input):
    order_id: UUID
    amount: Amount
    currency: Currency
    method: NewMethod


class Method(Output):
    type: Literal["card"] = "card"
    last4: str | None = None


Status = Literal["processing", "unknown", "captured", "declined", "refunded"]


class PaymentEntry(Output):
    """When the payment came to this status."""

    status: Status
    at: Timestamp


class Payment(Output):
    """`refunded` counts refunds from their beginning; a partly refunded payment stays captured.

    `trace_id` is of the request that began it.
    """

    payment_id: UUID
    order_id: UUID
    status: Status
    amount: Money
    refunded: Money
    currency: str
    method: Method
    created_at: Timestamp
    updated_at: Timestamp
    history: list[PaymentEntry]
    trace_id: str | None


class NewRefund(Input):
    """Without an amount: all that has not been refunded yet."""

    amount: Amount | None = None
    reason: Annotated[LongText, Field(max_length=500)] | None = None


class Refund(Output):
    """`trace_id` is of the request that began it, or its payment where nobody asked for it."""

    refund_id: UUID
    payment_id: UUID
    amount: Money
    currency: str
    status: Literal["processing", "succeeded"]
    reason: str | None
    created_at: Timestamp
    trace_id: str | None
