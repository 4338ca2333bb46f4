"""The built-in provider: it moves no money, and misbehaves when the token says so.

| token          | what happens                                            |
| -------------- | ------------------------------------------------------- |
| `tok_ok`       | captured                                                |
| `tok_timeout`  | captured, but the answer comes too late                 |
| `tok_error`    | fails once, before anything is captured; then captured  |
| any other      | declined                                                |

Its log is durable and apart from our own books, so that "captured once" can be checked against it.
"""

import asyncio
from uuid import UUID

from chassis import Context

from .provider import Outcome, ProviderError

SUCCEEDS, ANSWERS_LATE, FAILS_ONCE = "tok_ok", "tok_timeout", "tok_error"
CAPTURING = frozenset({SUCCEEDS, ANSWERS_LATE, FAILS_ONCE})
LAST4 = "4242"

# Of two at once with the same payment_id, one writes; the other finds what it wrote.
WRITE = """
INSERT INTO payment.sandbox_charges (payment_id, outcome, amount_minor, currency)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING true
"""

FIND = "SELECT outcome FROM payment.sandbox_charges WHERE payment_id = $1 AND outcome <> 'failed'"

REFUND = """
INSERT INTO payment.sandbox_refunds (refund_id, payment_id, amount_minor, currency)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""


class Sandbox:
    """Writes each entry by itself, as another company's system would."""

    def __init__(self, context: Context) -> None:
        self._log = context.database
        self._too_late = 2 * context.settings.provider_timeout

    async def capture(
        self, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Outcome:
        if decided := await self.find(payment_id):
            return decided
        entry = (amount_minor, currency)
        if token == FAILS_ONCE and await self._log.fetchval(WRITE, payment_id, "failed", *entry):
            raise ProviderError("The sandbox fails once for this token.")
        outcome = "captured" if token in CAPTURING else "declined"
        first = await self._log.fetchval(WRITE, payment_id, outcome, *entry)
        if first and token == ANSWERS_LATE:
            await asyncio.sleep(self._too_late)  # what this token is for: an answer too late
        decided = await self.find(payment_id)
        assert decided is not None
        return decided

    async def find(self, payment_id: UUID) -> Outcome | None:
        outcome = await self._log.fetchval(FIND, payment_id)
        return Outcome(outcome, LAST4) if outcome else None

    async def refund(
        self, refund_id: UUID, payment_id: UUID, amount_minor: int, currency: str
    ) -> None:
        await self._log.execute(REFUND, refund_id, payment_id, amount_minor, currency)
