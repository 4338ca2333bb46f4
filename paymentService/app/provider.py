"""What this service needs of whoever moves the money."""

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID


class ProviderError(Exception):
    """The provider failed; it may or may not have done what was asked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider decided, for good."""

    status: Literal["captured", "declined"]
    last4: str | None = None


class Provider(Protocol):
    """Everything asked of it carries an id of ours, and asking again changes nothing.

    Any exception, and no answer in time, leave the outcome unknown; it is asked again until
    there is one.
    """

    async def capture(
        self, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Outcome:
        """Take the money, once for each payment_id; later calls get the first one's outcome."""

    async def find(self, payment_id: UUID) -> Outcome | None:
        """What became of a payment; None if nothing has, so that it may be captured again."""

    async def refund(
        self, refund_id: UUID, payment_id: UUID, amount_minor: int, currency: str
    ) -> None:
        """Give the money back, once for each refund_id."""
