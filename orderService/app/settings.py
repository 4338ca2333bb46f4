"""What this service reads from its environment beside what every service reads."""

from pydantic import Field

from chassis import Settings


class OrderSettings(Settings):
    # False, here and at fulfilment, lets orders ship unpaid, for customers who pay by invoice.
    require_payment: bool = True
    # How much of one product a customer may have in all their orders; not limited where empty.
    most_of_a_sku: int | None = Field(None, ge=1, le=1_000_000)
