"""What goes in and out of the customers."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Address, Changes, Input, NewAddress, Output, Tagged, Text, Timestamp

from .emails import Email
from .phones import Phone

Name = Annotated[Text, Field(max_length=200)]


class NewCustomer(
    Input,
    example={
        "email": "grace@example.org",
        "name": "Grace Hopper",
        "phone": "+353 91 560 000",
        "address": {
            "line1": "12 Eyre Square",
            "city": "Galway",
            "postal_code": "H91 X6X6",
            "country": "IE",
        },
    },
):
    email: Email
    name: Name
    phone: Phone | None = None
    address: NewAddress | None = None
    """Where the customer lives."""


class CustomerChanges(Changes, example={"phone": "+353 91 560 001"}):
    """The members to change; what is left out stays. A null phone or address is removed, and an
    address is replaced as a whole."""

    removable = frozenset({"phone", "address"})

    email: Email | None = None
    name: Name | None = None
    phone: Phone | None = None
    """Null removes it."""
    address: NewAddress | None = None
    """Replaced as a whole; null removes it."""


class Customer(Tagged):
    customer_id: UUID
    email: str
    name: str
    phone: str | None
    address: Address | None
    """Where the customer lives; null if nobody has said."""
    created_at: Timestamp
    updated_at: Timestamp


class Twin(Output):
    """A customer whose e-mail address reads the same as another's: both were there before these
    were one."""

    customer_id: UUID
    email: str
    twin_of: UUID
    """The customer who has the address."""
    created_at: Timestamp


class Export(Output):
    """All the personal data that the shop holds of a customer: what is theirs in each service."""

    customer: Customer
    """The profile."""
    orders: list[dict[str, Any]]
    """The customer's orders."""
    payments: list[dict[str, Any]]
    """The payments of the customer's orders."""
    shipments: list[dict[str, Any]]
    """The parcels of the customer's orders."""
