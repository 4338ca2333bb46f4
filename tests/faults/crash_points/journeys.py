"""The purchases in which faults are made to happen, and how each of them has to end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.shop import Shop

from .shopper import PATIENCE_SECONDS, Gone, Leaver, Shopper, Wrong

PRICES = {"much": "12.50", "little": "0.99"}
STOCK = 10


@dataclass
class Purchase:
    """What is bought: two of one thing, one of another."""

    shopper: Shopper
    customer_id: str
    much: str
    little: str
    cart_id: str
    order: dict[str, Any]
    payment: dict[str, Any]

    @property
    def money(self) -> dict[str, Any]:
        return {"amount": self.order["total"], "currency": self.order["currency"]}


async def prepare(shop: Shop, shopper: Shopper, *, stock: int = STOCK) -> Purchase:
    """Everything that there is before a customer comes. There are `stock` of the second thing."""
    much, little, customer_id = await asyncio.gather(
        shop.product(price=PRICES["much"], stock=None),
        shop.product(price=PRICES["little"], stock=None),
        shop.customer(),
    )
    await shopper.set_stock(much, STOCK)
    await shopper.set_stock(little, stock)
    return Purchase(shopper, customer_id, much, little, str(uuid4()), {}, {})


async def order_and_pay(purchase: Purchase) -> None:
    shopper, cart = purchase.shopper, f"/carts/{purchase.cart_id}/items"
    await shopper.post("add-much", "cart", cart, {"sku": purchase.much, "quantity": 2})
    await shopper.post("add-little", "cart", cart, {"sku": purchase.little, "quantity": 1})
    wanted = {"customer_id": purchase.customer_id, "cart_id": purchase.cart_id}
    purchase.order = await shopper.post("order", "order", "/orders", wanted)
    money = {"order_id": purchase.order["order_id"], **purchase.money}
    card = {"method": {"type": "card", "token": "tok_ok"}}
    purchase.payment = await shopper.post("pay", "payment", "/payments", money | card)
    await shopper.post("charge", "transaction", "/transactions", money)


async def refund_in_ledger(purchase: Purchase) -> None:
    body = {"order_id": purchase.order["order_id"], **purchase.money, "kind": "refund"}
    await purchase.shopper.post("refund-in-ledger", "transaction", "/transactions", body)


async def fulfil(purchase: Purchase) -> str:
    """Ask until there is an end to it. Returns `completed`, or why not."""
    wanted = {"order_id": purchase.order["order_id"]}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = await purchase.shopper.ask("fulfil", "fulfilment", "/fulfilments", wanted)
        said = answer.json()
        if answer.status_code in (200, 201):
            return str(said["status"])
        # Paid surely, if not at once; and a job under way goes on by itself.
        if said.get("type") != "/problems/order-not-paid" and answer.status_code != 202:
            return str(said["type"])
        await asyncio.sleep(0.1)  # between two tries; PATIENCE_SECONDS bounds them all
    return f"nothing but {answer.status_code} {answer.text}"


async def nothing(purchase: Purchase) -> None:
    """All of the journey counts."""


async def buy_and_send_back(purchase: Purchase) -> None:
    await order_and_pay(purchase)
    if (outcome := await fulfil(purchase)) != "completed":
        raise Wrong(f"fulfilment ended with {outcome}")
    path = f"/payments/{purchase.payment['payment_id']}/refunds"
    await purchase.shopper.post("refund", "payment", path, {})
    await refund_in_ledger(purchase)


async def buy_unless_disturbed(purchase: Purchase) -> None:
    """What has been begun when the customer leaves is for the services to finish, or to undo."""
    with suppress(Gone):
        await buy_and_send_back(purchase)


async def be_refused_and_cancel(purchase: Purchase) -> None:
    """The money is given back by itself."""
    if (outcome := await fulfil(purchase)) != "/problems/insufficient-stock":
        raise Wrong(f"fulfilment ended with {outcome}")
    path = f"/orders/{purchase.order['order_id']}/cancel"
    await purchase.shopper.post("cancel", "order", path, {"reason": "not to be had"})
    await refund_in_ledger(purchase)


async def ship_by_hand(purchase: Purchase) -> None:
    """The order is not cancelled after that, and no job gets it out once more."""
    order_id = purchase.order["order_id"]
    await purchase.shopper.post("ship", "shipping", "/shipments", {"order_id": order_id})
    path = f"/orders/{order_id}/cancel"
    refused = await purchase.shopper.ask("cancel", "order", path, {})
    if refused.json().get("type") != "/problems/order-shipped":
        raise Wrong(f"cancelling was answered {refused.status_code} {refused.text}")
    if (outcome := await fulfil(purchase)) != "/problems/order-not-fulfillable":
        raise Wrong(f"fulfilment ended with {outcome}")


async def ship_unless_disturbed(purchase: Purchase) -> None:
    with suppress(Gone):
        await ship_by_hand(purchase)


@dataclass(frozen=True)
class Journey:
    """What happens in `prelude` happens undisturbed. `stock` is how many there are of the second
    thing, `ships` whether anything leaves, `by_hand` whether it is a parcel that no job made, and
    nothing is given back. A purchase without a certain `end` may end anywhere."""

    prelude: Callable[[Purchase], Awaitable[None]]
    run: Callable[[Purchase], Awaitable[None]]
    stock: int = STOCK
    ships: bool = True
    by_hand: bool = False
    end: bool = True
    shopper: type[Shopper] = Shopper


JOURNEYS = {
    "bought": Journey(nothing, buy_and_send_back),
    "undone": Journey(order_and_pay, be_refused_and_cancel, stock=0, ships=False),
    "handed": Journey(order_and_pay, ship_by_hand, ships=False, by_hand=True),
    "left": Journey(nothing, buy_unless_disturbed, end=False, shopper=Leaver),
    "let-be": Journey(order_and_pay, ship_unless_disturbed, end=False, shopper=Leaver),
}


async def complaints(journey: Journey, purchase: Purchase) -> list[str]:
    """What is not as it has to be at the end, beside what the audit says."""
    if not journey.end:
        return []
    shopper, order_id = purchase.shopper, purchase.order["order_id"]
    order = await shopper.get("order", f"/orders/{order_id}")
    payments = await shopper.get("payment", f"/payments?order_id={order_id}")
    payment_id = purchase.payment["payment_id"]
    refunds = await shopper.get("payment", f"/payments/{payment_id}/refunds")
    ledger = await shopper.get("transaction", f"/balances/{order_id}")
    shipments = await shopper.get("shipping", f"/shipments?order_id={order_id}")
    jobs = await shopper.get("fulfilment", f"/fulfilments?order_id={order_id}")
    stock = [
        await shopper.get("warehouse", f"/stock/{sku}") for sku in (purchase.much, purchase.little)
    ]
    outcomes = [each["status"] for each in jobs["items"]]
    total, shipped = "25.99", int(journey.ships)
    found = {
        "order": (order["status"], order["total"], order["payment_id"]),
        "payments": [
            (each["status"], each["amount"], each["refunded"]) for each in payments["items"]
        ],
        "refunds": [(each["status"], each["amount"]) for each in refunds["items"]],
        "ledger": (ledger["charged"], ledger["refunded"]),
        "shipments": len(shipments["items"]),
        "completed jobs": outcomes.count("completed"),
        "unfinished jobs": len(outcomes) - outcomes.count("completed") - outcomes.count("failed"),
        "stock": [(each["on_hand"], each["reserved"]) for each in stock],
    }
    parcels = int(journey.ships or journey.by_hand)
    given_back = "0.00" if journey.by_hand else total
    expected = {
        "order": ("fulfilled" if journey.by_hand else "refunded", total, payment_id),
        "payments": [("captured" if journey.by_hand else "refunded", total, given_back)],
        "refunds": [] if journey.by_hand else [("succeeded", total)],
        "ledger": (total, given_back),
        "shipments": parcels,
        "completed jobs": shipped,
        "unfinished jobs": 0,
        "stock": [(STOCK - 2 * shipped, 0), (journey.stock - shipped, 0)],
    }
    return [
        f"{name}: {found[name]}, expected {expected[name]}"
        for name in expected
        if found[name] != expected[name]
    ]
