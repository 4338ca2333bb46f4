"""What goes in and out of the customers."""

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from chassis import Address, Changes, Input, NewAddress, Output, Text, Timestamp

# Catches slips of the hand. Whether an address works, only a letter sent to it can tell.
_LOCAL = r"[^\s@.,;:()<>\[\]\\\"]+"
_LABEL = r"[^\W_]([\w-]*[^\W_])?"
_EMAIL = re.compile(rf"{_LOCAL}(\.{_LOCAL})*@{_LABEL}(\.{_LABEL})+")


def _email(text: str) -> str:
    local = text.partition("@")[0]
    if len(local) > 64 or not _EMAIL.fullmatch(text):
        raise ValueError("must be an e-mail address such as ada@example.org")
    return text


# The length is checked first: the pattern is for short text.
Email = Annotated[Text, Field(max_length=254, examples=["ada@example.org"]), AfterValidator(_email)]
Name = Annotated[Text, Field(max_length=200)]
Phone = Annotated[
    Text,
    Field(max_length=40, pattern=r"^\+?[0-9 ()./x-]*[0-9][0-9 ()./x-]*$", examples=["+44 20 7946"]),
]


class NewCustomer(Input):
    email: Email
    name: Name
    phone: Phone | None = None
    address: NewAddress | None = None


class CustomerChanges(Changes):
    """The members to change; what is left out stays. A null phone or address is removed, and an
    address is replaced as a whole."""

    email: Email | None = None
    name: Name | None = None
    phone: Phone | None = None
    address: NewAddress | None = None


class Customer(Output):
    customer_id: UUID
    email: str
    name: str
    phone: str | None
    address: Address | None
    created_at: Timestamp
    updated_at: Timestamp


class Export(Output):
    """All the personal data that the shop holds of a customer: what is theirs in each service."""

    customer: Customer
    orders: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    shipments: list[dict[str, Any]]
