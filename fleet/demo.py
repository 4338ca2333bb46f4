"""Fills a running fleet with a small catalogue, and buys something: `python -m fleet.demo`.

It may be run again at any time: products are replaced, stock is filled up, the customer is found.
"""

import asyncio
import os
import secrets
import sys
import time
from typing import Any
from urllib.parse import quote

from . import audit, console, instance
from .client import Client, connected
from .demo_catalogue import BODIES, PRODUCTS
from .failure import Failure
from .narrator import Narrator
from .services import SERVICES
from .settings import Settings

CUSTOMER: dict[str, Any] = {
    "email": "mira.lindqvist@example.org",
    "name": "Mira Lindqvist",
    "address": {
        "line1": "Storgatan 12",
        "city": "Uppsala",
        "postal_code": "753 31",
        "country": "SE",
    },
}
BASKET = {"LGT-CANDLE-BEESWAX": 2, "KIT-BOWL-CAFE": 1, "STA-NOTEBOOK-DOT": 1}
SETTLED_SECONDS = 30


class Demo:
    """One visit to the shop. Its idempotency keys are its own, so that the next one buys anew."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._show = Narrator(client)
        self._run = secrets.token_hex(4)

    async def run(self) -> None:
        """Raises Failure at the first call that is refused."""
        self._show.chapter(f"Fill the shop: {len(PRODUCTS)} products in six categories")
        await self._fill()
        self._show.chapter("Look around: a misspelt word still finds")
        await self._show.get("search", "/search?q=candel&limit=2")
        self._show.chapter("The customer")
        customer_id = await self._customer()
        self._show.chapter("Buy: cart, order, payment, ledger")
        order = await self._order(customer_id, await self._cart(customer_id))
        await self._pay(order)
        self._show.chapter("Ship: stock is reserved and taken, the parcel gets its number")
        await self._ship(order["order_id"])

    async def _fill(self) -> None:
        for service, path, what in (
            ("product_catalogue", "/products/bulk", "products"),
            ("warehouse", "/stock/bulk", "stock"),
            ("search", "/index/bulk", "documents"),
        ):
            shown = f'"$(python3 -m fleet.demo_catalogue {what})"'
            answer = await self._show.post(service, path, BODIES[what], shown=shown)
            if answer["errors"]:
                raise Failure(f"{service} does not take all {what}.")

    async def _customer(self) -> str:
        found = await self._show.get("customer", f"/customers?email={quote(CUSTOMER['email'])}")
        if found["items"]:
            return str(found["items"][0]["customer_id"])
        made = await self._show.post("customer", "/customers", CUSTOMER, self._key("customer"))
        return str(made["customer_id"])

    async def _cart(self, customer_id: str) -> str:
        body = {"customer_id": customer_id}
        cart_id = (await self._show.post("cart", "/carts", body, self._key("cart")))["cart_id"]
        for sku, quantity in BASKET.items():
            line = {"sku": sku, "quantity": quantity}
            await self._show.post("cart", f"/carts/{cart_id}/items", line, self._key(sku))
        return str(cart_id)

    async def _order(self, customer_id: str, cart_id: str) -> dict[str, Any]:
        body = {"customer_id": customer_id, "cart_id": cart_id}
        order: dict[str, Any] = await self._show.post("order", "/orders", body, self._key("order"))
        return order

    async def _pay(self, order: dict[str, Any]) -> None:
        money = {"amount": order["total"], "currency": order["currency"]}
        charge = {"order_id": order["order_id"], **money}
        payment = {**charge, "method": {"type": "card", "token": "tok_ok"}}
        await self._show.post("payment", "/payments", payment, self._key("payment"))
        await self._show.post("transaction", "/transactions", charge, self._key("ledger"))

    async def _ship(self, order_id: str) -> None:
        await self._settled("order", f"/orders/{order_id}", ("pending",))
        body = {"order_id": order_id}
        job = await self._show.post("fulfilment", "/fulfilments", body, self._key("fulfilment"))
        under_way = ("pending", "reserved", "shipped")
        await self._settled("fulfilment", f"/fulfilments/{job['job_id']}", under_way)
        order = await self._show.get("order", f"/orders/{order_id}")
        shipment = await self._show.get("shipping", f"/shipments/{order['shipment_id']}")
        console.say(f"The parcel's tracking number is {shipment['tracking_number']}.", console.BOLD)

    async def _settled(self, service: str, path: str, unsettled: tuple[str, ...]) -> None:
        """Wait for what is sure to happen, if not at once."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while (answer := await self._client.ask("GET", service, path)).ok:
            if answer.body["status"] not in unsettled:
                return
            if time.monotonic() > deadline:
                raise Failure(f"{path} is still {answer.body['status']} after {SETTLED_SECONDS} s.")
            await asyncio.sleep(0.1)  # between two looks; the deadline bounds them all

    def _key(self, what: str) -> str:
        return f"demo-{self._run}-{what}"


async def demo(settings: Settings) -> None:
    """Raises Failure when the fleet is not there, or refuses something."""
    async with connected({each.name: settings.url(each) for each in SERVICES}) as client:
        await Demo(client).run()


def main() -> int:
    try:
        settings = instance.settings_now(os.environ)
        asyncio.run(demo(settings))
    except Failure as failure:
        console.complain(str(failure))
        return 1
    console.say("\nThe audit: does everything add up?\n", console.BOLD)
    return audit.main([])


if __name__ == "__main__":
    sys.exit(main())
