"""One visit after the other: browse, fill a cart, order, and then whatever people do."""

import asyncio
from collections import Counter
from typing import Any

from tests.shop import HOME

from . import endings
from .caller import Caller, GaveUp, Refused
from .log import Effect, Reply
from .shelf import Shelf
from .visit import Visit

REPLAYED_LATE = 0.15
CHANGED_CUSTOMERS = 0.1
ERASED_CUSTOMERS = 0.08


class Shopper:
    """Comes again and again until the shop closes. Counts how the visits ended."""

    def __init__(self, name: str, caller: Caller, shelf: Shelf, seed: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self._name = f"{shelf.name}-{name}"
        self._caller = caller
        self._shelf = shelf
        self._seed = f"{seed}/{name}"
        self._visits = 0
        self._customer_id: str | None = None

    async def shop(self, closing: asyncio.Event, thinking: float) -> None:
        while not closing.is_set():
            self._visits += 1
            self._caller = self._caller.rolling(f"{self._seed}/{self._visits}")
            try:
                self.outcomes[await self._come()] += 1
            except Refused:
                self.outcomes["refused unexpectedly"] += 1
            except GaveUp:
                self.outcomes["gave up"] += 1
            except TimeoutError:
                self.outcomes["gave up"] += 1
                stuck = f"visit {self._visits} of {self._name}: its order did not get on"
                self._caller.log.complaints.append(stuck)
            await asyncio.sleep(self._caller.dice.uniform(0, thinking))  # what it does meanwhile

    async def _come(self) -> str:
        dice = self._caller.dice
        mark = f"{self._name}-{self._visits}"
        customer_id = self._customer_id or await self._sign_up(mark)
        visit = Visit(self._caller, mark, list(self._shelf.skus), customer_id)
        await visit.browse()
        outcome = await self._buy(visit)
        if dice.random() < REPLAYED_LATE:
            await self._caller.replay_late()
        if dice.random() < CHANGED_CUSTOMERS:
            body = {"name": f"{mark} renamed"}
            await self._caller.ask("PATCH", "customer", f"/customers/{customer_id}", body)
        if dice.random() < ERASED_CUSTOMERS:
            await self._caller.ask("DELETE", "customer", f"/customers/{customer_id}")
            self._customer_id = None
        return outcome

    async def _sign_up(self, mark: str) -> str:
        email = f"{mark}@example.org"
        answer = await self._caller.ask(
            "POST",
            "customer",
            "/customers",
            {"email": email, "name": mark, "address": HOME},
            key=f"{mark}-customer",
            effect=Effect("customer", email),
        )
        self._customer_id = str(answer.json["customer_id"])
        return self._customer_id

    async def _buy(self, visit: Visit) -> str:
        cart_id = await visit.fill_cart()
        if visit.dice.random() < 0.05:
            return "cart abandoned"
        order = await self._order(visit, cart_id)
        if order is None:
            return "nothing to be had"
        return await endings.end(visit, order)

    async def _order(self, visit: Visit, cart_id: str) -> Any:
        """The order; None if what is in the cart is not on sale any more, or nothing is."""
        haste = visit.dice.random()
        if haste < 0.08:
            replies = await self._order_twice(visit, cart_id)
        elif haste < 0.16:
            replies = await self._add_while_ordering(visit, cart_id)
        else:
            replies = [await visit.order(cart_id)]
        return next((reply.json for reply in replies if reply.ok), None)

    async def _order_twice(self, visit: Visit, cart_id: str) -> list[Reply]:
        """In two windows at once, each with a key of its own: one order comes of it."""
        fine = {"cart-checked-out"}
        replies = await asyncio.gather(*(visit.order(cart_id, fine=fine) for _ in range(2)))
        if any(reply.problem == "cart-checked-out" for reply in replies):
            visit.expect_one(replies, f"order of cart {cart_id}")
        return replies

    async def _add_while_ordering(self, visit: Visit, cart_id: str) -> list[Reply]:
        order, _ = await asyncio.gather(
            visit.order(cart_id), visit.add(cart_id, fine={"cart-checked-out"})
        )
        return [order]
