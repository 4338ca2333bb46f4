"""What goes in and out of the customers."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Address, Changes, Input, NewAddress, Output, Tagged, Text, Timestamp

from .emails import Email
from .phones import Phone

Name = Annotated[Text, Field(max_length=200)]


class NewCustomer(Input):
    email: Email
    name: Name
    phone: Phone | None = None
    address: NewAddress | None = None


class CustomerChanges(Changes):
    """The members to change; what is left out stays. A null phone or address is removed, and an
    address is replaced as a whole."""

    removable = frozenset({"phone", "address"})

    email: Email | None = None
    name: Name | None = None
    phone: Phone | None = None
    address: NewAddress | None = None


class Customer(Tagged):
    customer_id: UUID
    email: str
    name: str
    phone: str | None
    address: Address | None
    created_at: Timestamp
    updated_at: Timestamp


class Twin(Output):
    """A customer whose e-mail address reads the same as another's: both were there before these
    were one."""

    customer_id: UUID
    email: str
    twin_of: UUID
    created_at: Timestamp


class Export(Output):
    """All the personal data that the shop holds of a customer: what is theirs in each service."""

    customer: Customer
    orders: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    shipments: list[dict[str, Any]]
