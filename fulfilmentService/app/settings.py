"""What fulfilment is configured by, beside what every service is."""

from chassis import Settings


class FulfilmentSettings(Settings):
    # False lets orders ship unpaid, for customers who pay by invoice.
    require_payment: bool = True
