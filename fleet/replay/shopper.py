"""One invoice over HTTP: a purchase from cart to parcel, or a cancellation as refunds.

Every call carries a key made from the invoice, and the cart's id is made from it too, so an
invoice that was cut off anywhere is simply played again.
"""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from ..client import Answer, Client
from ..failure import Failure
from .journal import Entry
from .plan import CURRENCY, Cancellation, Purchase

PATIENCE_SECONDS = 60
CARD = {"type": "card", "token": "tok_ok"}


class Refused(Exception):
    """The fleet does not want this invoice; the message says why, in its own words."""

    def __init__(self, service: str, answer: Answer) -> None:
        super().__init__(f"{service} says {answer.status} {answer.problem}")


class Shopper:
    """Plays the invoices of one data file; `customers` are their ids by name in the plan."""

    def __init__(self, client: Client, dataset: UUID, customers: Mapping[str, str]) -> None:
        self._client = client
        self._dataset = dataset
        self._customers = customers

    async def buy(self, purchase: Purchase) -> Entry:
        """Raises Refused, or Failure when the fleet is gone."""
        order = await self._order(purchase)
        order_id = order["order_id"]
        charge = {"order_id": order_id, "amount": order["total"], "currency": order["currency"]}
        payment_id = await self._pay(purchase, charge)
        entry = {**charge, "reference": purchase.invoice}
        key = self._key(purchase.invoice, "charge")
        await self._post("transaction", "/transactions", entry, key, fine="already-charged")
        await self._ship(purchase, order_id)
        return Entry(purchase.invoice, order_id=order_id, payment_id=payment_id)

    async def give_back(self, cancellation: Cancellation, bought: Mapping[str, Entry]) -> Entry:
        """Refund what can be; a purchase that was refused has nothing to give back."""
        done = {}
        for invoice, amount in cancellation.refunds.items():
            purchase = bought.get(invoice)
            if purchase and purchase.order_id:
                await self._refund(cancellation.invoice, purchase, amount)
                done[invoice] = str(amount)
        refused = None if done else "the purchase was refused"
        return Entry(cancellation.invoice, refunds=done, refused=refused)

    async def _order(self, purchase: Purchase) -> Any:
        cart_id = uuid5(self._dataset, purchase.invoice)
        for number, (sku, quantity) in enumerate(purchase.items):
            key = self._key(purchase.invoice, f"item-{number}")
            body = {"sku": sku, "quantity": quantity}
            path = f"/carts/{cart_id}/items"
            answer = await self._post("cart", path, body, key, fine="cart-checked-out")
            if answer.problem:
                return await self._get("order", f"/orders/{answer.body['order_id']}")
        body = {"customer_id": self._customers[purchase.customer], "cart_id": str(cart_id)}
        key = self._key(purchase.invoice, "order")
        answer = await self._post("order", "/orders", body, key, fine="cart-checked-out")
        if answer.problem:
            return await self._get("order", f"/orders/{answer.body['order_id']}")
        return answer.body

    async def _pay(self, purchase: Purchase, charge: Mapping[str, Any]) -> str:
        key = self._key(purchase.invoice, "payment")
        body = {**charge, "method": CARD}
        answer = await self._post("payment", "/payments", body, key, fine="already-paid")
        return str(answer.body["payment_id"])

    async def _ship(self, purchase: Purchase, order_id: str) -> None:
        """A capture makes the order paid, surely, if not at once; so it is asked for again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        body, key = {"order_id": order_id}, self._key(purchase.invoice, "fulfilment")
        job = await self._post("fulfilment", "/fulfilments", body, key, fine="order-not-paid")
        while job.problem:
            await _wait(deadline, f"Order {order_id} is not paid")
            job = await self._post("fulfilment", "/fulfilments", body, key, fine="order-not-paid")
        while job.body["status"] != "completed":
            await _wait(deadline, f"Order {order_id} is not fulfilled")
            job = await self._ask("GET", "fulfilment", f"/fulfilments/{job.body['job_id']}")

    async def _refund(self, invoice: str, purchase: Entry, amount: Decimal) -> None:
        key = self._key(invoice, f"refund-{purchase.invoice}")
        money = {"amount": str(amount)}
        path = f"/payments/{purchase.payment_id}/refunds"
        await self._post("payment", path, {**money, "reason": invoice}, key)
        entry = {
            "order_id": purchase.order_id,
            **money,
            "currency": CURRENCY,
            "kind": "refund",
            "reference": invoice,
        }
        await self._post("transaction", "/transactions", entry, key)

    async def _get(self, service: str, path: str) -> Any:
        return (await self._ask("GET", service, path)).body

    async def _post(self, service: str, path: str, body: Any, key: str, fine: str = "") -> Answer:
        return await self._ask("POST", service, path, body, key, fine)

    async def _ask(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        fine: str = "",
    ) -> Answer:
        """`fine` is the problem that means that an earlier attempt has got this far."""
        answer = await self._client.ask(method, service, path, body, key)
        if answer.ok or (fine and answer.problem == fine):
            return answer
        raise Refused(service, answer)

    def _key(self, invoice: str, step: str) -> str:
        return f"replay-{self._dataset.hex[:8]}-{invoice}-{step}"


async def _wait(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Failure(f"{what} after {PATIENCE_SECONDS} s.")
    await asyncio.sleep(0.1)  # between two looks; the deadline bounds them all
