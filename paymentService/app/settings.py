"""What this service reads from its environment beside what every service reads."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chassis import Settings

from .adapters import known


class PaymentSettings(Settings):
    payment_provider: Annotated[str, AfterValidator(known)] = "sandbox"
    provider_timeout: float = Field(1.0, gt=0, le=10)
