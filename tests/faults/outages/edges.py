"""Every call between services, with a request of a client that cannot do without it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.polling import until
from tests.shop import Shop, unique


@dataclass(frozen=True)
class Request:
    """A POST that needs the callee, and where to see that it has left nothing behind.

    `finds` is what that shows as long as nothing is done. `status` is that of the success.
    """

    service: str
    path: str
    body: Mapping[str, Any]
    look: tuple[str, str]
    finds: Mapping[str, Any]
    status: int = 201
    key: str = field(default_factory=lambda: unique("edge"))

    @property
    def read(self) -> str:
        """Something that the service can tell without the callee."""
        return self.look[1] if self.look[0] == self.service else "/fulfilments?limit=1"

    async def ask(self, shop: Shop, **headers: str) -> httpx.Response:
        """Always with the same key."""
        headers |= {"Idempotency-Key": self.key}
        return await shop[self.service].post(self.path, json=self.body, headers=headers)

    async def go_through(self, shop: Shop) -> None:
        """Ask again, while it is refused or under way, until it is done."""
        answer = await until(
            lambda: self.ask(shop),
            lambda answer: answer.status_code not in (202, 503),
            seconds=20,
        )
        assert answer.status_code in (self.status, 200), answer.text


async def add_to_cart(shop: Shop, sku: str) -> Request:
    cart_id = (await shop.post("cart", "/carts", {}))["cart_id"]
    body = {"sku": sku, "quantity": 1}
    look = ("cart", f"/carts/{cart_id}")
    return Request("cart", f"/carts/{cart_id}/items", body, look, {"item_count": 0}, 200)


async def place(shop: Shop, sku: str) -> Request:
    cart_id, customer_id = await shop.cart({sku: 1}), await shop.customer()
    body = {"cart_id": cart_id, "customer_id": customer_id}
    return Request("order", "/orders", body, ("order", f"/orders?customer_id={customer_id}"), NONE)


async def charge(shop: Shop, sku: str) -> Request:
    order = await shop.order({sku: 1})
    body = {name: order[name] for name in ("order_id", "currency")} | {"amount": order["total"]}
    return Request("transaction", "/transactions", body, _of(order, "transaction"), NONE)


async def pay(shop: Shop, sku: str) -> Request:
    charged = await charge(shop, sku)
    body = {**charged.body, "method": {"type": "card", "token": "tok_ok"}}
    return Request("payment", "/payments", body, _of(body, "payment"), NONE)


async def ship(shop: Shop, sku: str) -> Request:
    order = await shop.order({sku: 1})
    return Request("shipping", "/shipments", _id(order), _of(order, "shipping"), NONE)


async def fulfil(shop: Shop, sku: str) -> Request:
    order = await shop.paid_order({sku: 1})
    return Request("fulfilment", "/fulfilments", _id(order), _of(order, "shipping"), NONE)


async def add_product(_: Shop, __: str) -> Request:
    sku = unique("NEW")
    body = {"sku": sku, "name": "New", "price": "1.00", "currency": "EUR"}
    look = ("product_catalogue", f"/products?sku={sku}")
    return Request("product_catalogue", "/products", body, look, NONE)


async def sign_up(_: Shop, __: str) -> Request:
    email = f"{unique('new')}@example.org"
    look = ("customer", f"/customers?email={email}")
    return Request("customer", "/customers", {"email": email, "name": "New"}, look, NONE)


async def find_goods(_: Shop, sku: str) -> Request:
    body = {"delta": 1, "reason": "found"}
    look = ("warehouse", f"/stock/{sku}")
    return Request("warehouse", f"/stock/{sku}/adjustments", body, look, {"on_hand": 100}, 200)


async def index(_: Shop, __: str) -> Request:
    sku = unique("NEW")
    body = {"documents": [{"sku": sku, "name": "New"}]}
    return Request("search", "/index/bulk", body, ("search", f"/search?q={sku}"), NONE, 200)


NONE: Mapping[str, Any] = {"items": []}
LISTS = {"transaction": "transactions", "payment": "payments", "shipping": "shipments"}


def _id(order: Mapping[str, Any]) -> dict[str, Any]:
    return {"order_id": order["order_id"]}


def _of(order: Mapping[str, Any], service: str) -> tuple[str, str]:
    """What a service has of this order."""
    return service, f"/{LISTS[service]}?order_id={order['order_id']}"


@dataclass(frozen=True)
class Edge:
    caller: str
    callee: str
    prepare: Callable[[Shop, str], Awaitable[Request]]
    # What is said while it cannot be asked; 202 where the work goes on by itself.
    refusal: int = 503

    # Whether its answers have prices or quantities that the caller makes use of.
    numbers: bool = False

    def __str__(self) -> str:
        return f"{self.caller}>{self.callee}"


# In turns: the edges of one turn are not in each other's way.
TURNS = (
    (
        Edge("cart", "product_catalogue", add_to_cart, numbers=True),
        Edge("order", "cart", place, numbers=True),
        Edge("transaction", "order", charge, numbers=True),
        Edge("payment", "order", pay, numbers=True),
        Edge("shipping", "order", ship),
        Edge("fulfilment", "order", fulfil, numbers=True),
    ),
    (
        Edge("order", "product_catalogue", place, numbers=True),
        Edge("fulfilment", "warehouse", fulfil),
    ),
    (
        Edge("order", "customer", place),
        Edge("fulfilment", "shipping", fulfil, refusal=202),
    ),
)

# A write of each service.
WRITES = (add_product, add_to_cart, place, charge, sign_up, pay, index, ship, find_goods, fulfil)
