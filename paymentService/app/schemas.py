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
    """What the provider gave the client for the card. Never a card number."""


class NewPayment(
    Input,
    example={
        "order_id": "0190b6a8-7a63-7000-8000-000000000000",
        "amount": "9.90",
        "currency": "EUR",
        "method": {"type": "card", "token": "tok_ok"},
    },
):
    order_id: UUID
    amount: Amount
    """All that the order comes to."""
    currency: Currency
    method: NewMethod
    """How it is paid."""


class Method(Output):
    type: Literal["card"] = "card"
    last4: str | None = None
    """The last digits of the card, where the provider tells them."""


Status = Literal["processing", "unknown", "captured", "declined", "refunded"]


class PaymentEntry(Output):
    """When the payment came to this status."""

    status: Status
    at: Timestamp
    """When it happened."""


class Payment(Output):
    """`refunded` counts refunds from their beginning; a partly refunded payment stays captured.

    `trace_id` is of the request that began it.
    """

    payment_id: UUID
    order_id: UUID
    status: Status
    amount: Money
    """All that the order comes to."""
    refunded: Money
    """What was given back."""
    currency: str
    method: Method
    """How it is paid."""
    created_at: Timestamp
    updated_at: Timestamp
    history: list[PaymentEntry]
    """Each status, and since when."""
    trace_id: str | None
    """Of the W3C trace of the request that began it."""


class NewRefund(Input, example={"amount": "1.00", "reason": "A dented tin"}):
    """Without an amount: all that has not been refunded yet."""

    amount: Amount | None = None
    """Left out, all that is not refunded yet."""
    reason: Annotated[LongText, Field(max_length=500)] | None = None
    """In words, for whoever reads it later."""


class Refund(Output):
    """`trace_id` is of the request that began it, or its payment where nobody asked for it."""

    refund_id: UUID
    payment_id: UUID
    amount: Money
    """In major units of the currency, exactly."""
    currency: str
    status: Literal["processing", "succeeded"]
    reason: str | None
    """In words, for whoever reads it later."""
    created_at: Timestamp
    trace_id: str | None
    """Of the W3C trace of the request that began it."""
