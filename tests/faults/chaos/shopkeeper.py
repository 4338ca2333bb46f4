"""Restocks, changes prices, withdraws products and brings them back, and serves walk-ins."""

import asyncio
from contextlib import suppress
from uuid import UUID

from .caller import Caller, GaveUp, Refused
from .log import Effect
from .shelf import Shelf, offer, price

BUSY_SECONDS = (0.2, 1.2)


class Shopkeeper:
    """Does one thing after the other until told to close."""

    def __init__(self, caller: Caller, shelf: Shelf, seed: str) -> None:
        self._caller = caller
        self._shelf = shelf
        self._seed = f"{seed}/shopkeeper"
        self._done = 0

    async def work(self, closing: asyncio.Event) -> None:
        duties = (self.adjust, self.adjust, self.count, self.reprice, self.withdraw, self.serve)
        while not closing.is_set():
            self._done += 1
            self._caller = self._caller.rolling(f"{self._seed}/{self._done}")
            # What went wrong stands in the log, and is judged at the end.
            with suppress(Refused, GaveUp):
                await self._caller.dice.choice(duties)()
            await asyncio.sleep(self._caller.dice.uniform(*BUSY_SECONDS))  # busy elsewhere

    @property
    def _mark(self) -> str:
        return f"{self._shelf.name}-duty-{self._done}"

    def _sku(self) -> str:
        return self._caller.dice.choice(self._shelf.skus)

    async def adjust(self) -> None:
        """Mostly more, sometimes less: then what is reserved must stay."""
        await self._caller.ask(
            "POST",
            "warehouse",
            f"/stock/{self._sku()}/adjustments",
            {"delta": self._caller.dice.choice((3, 5, 10, -3)), "reason": self._mark},
            key=self._mark,
            effect=Effect("adjustment", self._mark),
            fine={"below-reserved"},
        )

    async def count(self) -> None:
        body = {"quantity": self._caller.dice.randrange(0, 12)}
        path = f"/stock/{self._sku()}"
        await self._caller.ask("PUT", "warehouse", path, body, fine={"below-reserved"})

    async def reprice(self) -> None:
        path, body = f"/products/{self._sku()}", {"price": price(self._caller.dice)}
        await self._caller.ask("PATCH", "product_catalogue", path, body)

    async def withdraw(self) -> None:
        """For a moment; what is in carts meanwhile cannot be ordered."""
        path = f"/products/{self._sku()}"
        await self._caller.ask("DELETE", "product_catalogue", path)
        await self._caller.ask("GET", "product_catalogue", path)
        if len(self._shelf.skus) < 40 and self._caller.dice.random() < 0.3:
            await offer(self._shelf, self._caller)
        await self._caller.ask("PATCH", "product_catalogue", path, {"active": True})

    async def serve(self) -> None:
        """Somebody at the counter: goods are held for them, then taken, given up or forgotten."""
        reservation_id = str(UUID(int=self._caller.dice.getrandbits(128), version=4))
        held = await self._caller.ask(
            "POST",
            "warehouse",
            "/reservations",
            {
                "reservation_id": reservation_id,
                "items": [{"sku": self._sku(), "quantity": 2}],
                "expires_in": self._caller.dice.choice((2, 60)),
            },
            key=f"{self._mark}-hold",
            effect=Effect("reservation", reservation_id),
            fine={"insufficient-stock", "reservation-expired"},
        )
        then = self._caller.dice.choice(("commit", "release", None))
        if held.ok and then:
            path = f"/reservations/{reservation_id}/{then}"
            fine = {"reservation-expired"}
            await self._caller.ask(
                "POST", "warehouse", path, {}, key=f"{self._mark}-end", fine=fine
            )
