"""What one visitor can do, step by step. Every step that has an effect carries a mark of its own,
by which its rows are found in the end."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from .caller import Caller
from .log import Effect, Reply
from .shelf import WORDS

TOKENS = ("tok_ok", "tok_ok", "tok_ok", "tok_declined", "tok_timeout", "tok_error")
PAID_SECONDS = 60.0

Order = Mapping[str, Any]


class Visit:
    """`mark` is this visit's alone."""

    def __init__(self, caller: Caller, mark: str, skus: list[str], customer_id: str) -> None:
        self.caller = caller
        self.dice = caller.dice
        self.mark = mark
        self._skus = skus
        self._customer_id = customer_id
        self._steps = 0

    def step(self, what: str) -> str:
        """A new key, which serves as a mark, too."""
        self._steps += 1
        return f"{self.mark}-{what}-{self._steps}"

    async def get(self, service: str, path: str) -> Any:
        return (await self.caller.ask("GET", service, path)).json

    async def post(
        self,
        service: str,
        path: str,
        body: Any,
        key: str,
        *,
        effect: Effect | None = None,
        fine: Iterable[str] = (),
    ) -> Reply:
        return await self.caller.ask("POST", service, path, body, key=key, effect=effect, fine=fine)

    def expect_one(self, replies: Sequence[Reply], what: str) -> None:
        """Of several at once, exactly one must have come through."""
        done = sum(reply.ok for reply in replies)
        if done != 1:
            self.caller.log.complaints.append(f"{done} came through, not one: {what}")

    async def browse(self) -> None:
        await self.get("product_catalogue", f"/products/{self.dice.choice(self._skus)}")
        await self.get("search", f"/search?q={self.dice.choice(WORDS)[:4]}")

    async def add(self, cart_id: str, *, fine: Iterable[str] = ()) -> bool:
        """Whether it was still on sale."""
        sku, quantity = self.dice.choice(self._skus), self.dice.randint(1, 3)
        effect = Effect("line", f"{cart_id} {sku}", quantity)
        added = await self.post(
            "cart",
            f"/carts/{cart_id}/items",
            {"sku": sku, "quantity": quantity},
            self.step("add"),
            effect=effect,
            fine={"unknown-sku", *fine},
        )
        return added.ok

    async def fill_cart(self) -> str:
        """Its id, some made by the service and some by us. It may have stayed empty."""
        cart_id = str(UUID(int=self.dice.getrandbits(128), version=4))
        if self.dice.random() < 0.5:
            made = await self.post("cart", "/carts", {}, self.step("cart"))
            cart_id = made.json["cart_id"]
        for _ in range(self.dice.randint(1, 3)):
            await self.add(cart_id)
        change_of_mind = self.dice.random()
        if change_of_mind < 0.12:
            await self._merge_another(cart_id)
        elif change_of_mind < 0.2:
            await self._edit(cart_id)
        return cart_id

    async def _merge_another(self, cart_id: str) -> None:
        other = (await self.post("cart", "/carts", {}, self.step("cart"))).json["cart_id"]
        await self.add(other)
        # Where nothing could be added, the client's own cart was never made.
        if not (await self.add(cart_id)):
            return
        path, body = f"/carts/{cart_id}/merge", {"from_cart_id": other}
        await self.post("cart", path, body, self.step("merge"))

    async def _edit(self, cart_id: str) -> None:
        """A line changed, or taken out. Its first attempt may come late, and undo the second."""
        fine = {"not-found"}
        cart = await self.caller.ask("GET", "cart", f"/carts/{cart_id}", fine=fine)
        if not cart.ok or not cart.json["items"]:
            return
        path = f"/carts/{cart_id}/items/{cart.json['items'][0]['sku']}"
        if self.dice.random() < 0.5:
            await self.caller.ask("PUT", "cart", path, {"quantity": 2}, fine=fine)
        else:
            await self.caller.ask("DELETE", "cart", path, fine=fine)

    async def order(self, cart_id: str, *, fine: Iterable[str] = ()) -> Reply:
        return await self.post(
            "order",
            "/orders",
            {"customer_id": self._customer_id, "cart_id": cart_id},
            self.step("order"),
            effect=Effect("order", cart_id),
            fine={"unknown-sku", "empty-cart", "unknown-cart", *fine},
        )

    async def pay(self, order: Order, *, fine: Iterable[str] = ()) -> Reply:
        """With another card if the first one is declined."""
        paid = await self._pay_with(self.dice.choice(TOKENS), order, fine)
        if paid.ok and paid.json["status"] == "declined":
            paid = await self._pay_with("tok_ok", order, fine)
        return paid

    async def _pay_with(self, token: str, order: Order, fine: Iterable[str]) -> Reply:
        body = {**money(order), "method": {"type": "card", "token": token}}
        effect = Effect("payment", order["order_id"])
        return await self.post(
            "payment", "/payments", body, self.step("pay"), effect=effect, fine=fine
        )

    async def enter(self, order: Order, kind: str, amount: str) -> None:
        """Into the ledger."""
        key = self.step(kind)
        body = {**money(order), "amount": amount, "kind": kind, "reference": key}
        effect = Effect("transaction", key)
        await self.post("transaction", "/transactions", body, key, effect=effect)

    async def refund(self, payment_id: str, amount: str, *, fine: Iterable[str] = ()) -> Reply:
        key = self.step("refund")
        path = f"/payments/{payment_id}/refunds"
        body, effect = {"amount": amount, "reason": key}, Effect("refund", key)
        return await self.post("payment", path, body, key, effect=effect, fine=fine)

    async def cancel(self, order: Order, *, fine: Iterable[str] = ()) -> Reply:
        path, key = f"/orders/{order['order_id']}/cancel", self.step("cancel")
        return await self.post("order", path, {"reason": key}, key, fine=fine)

    async def fulfil(self, order: Order, *, fine: Iterable[str] = ()) -> Reply:
        """The finished job, or the refusal. A capture makes the order paid, if not at once.

        Raises TimeoutError.
        """
        body, key = {"order_id": order["order_id"]}, self.step("fulfil")
        fine = {"order-not-paid", "insufficient-stock", *fine}
        async with asyncio.timeout(PAID_SECONDS):
            while True:
                job = await self.post("fulfilment", "/fulfilments", body, key, fine=fine)
                if job.problem != "order-not-paid":
                    break
                await asyncio.sleep(0.2)  # between two looks; PAID_SECONDS bounds them all
        return await self.finished(job) if job.ok else job

    async def finished(self, job: Reply) -> Reply:
        """The job once it is completed or failed. Raises TimeoutError."""
        async with asyncio.timeout(PAID_SECONDS):
            while job.json["status"] not in ("completed", "failed"):
                await asyncio.sleep(0.2)  # between two looks; PAID_SECONDS bounds them all
                path = f"/fulfilments/{job.json['job_id']}"
                job = await self.caller.ask("GET", "fulfilment", path)
        return job

    async def dispatch(self, job: Reply) -> None:
        key, path = self.step("dispatch"), f"/shipments/{job.json['shipment_id']}/events"
        body, effect = {"status": "dispatched", "note": key}, Effect("event", key)
        await self.post("shipping", path, body, key, effect=effect)


def money(order: Order) -> dict[str, str]:
    """What a payment or a ledger entry of the whole order says."""
    return {
        "order_id": order["order_id"],
        "amount": order["total"],
        "currency": order["currency"],
    }


def part_of(total: str) -> str:
    """About a third, in whole cents."""
    return str((Decimal(total) / 3).quantize(Decimal("0.01")))
