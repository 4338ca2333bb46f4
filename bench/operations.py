"""What is measured: each operation by itself, and all of a purchase.

A purchase's operations need what the ones before have made: an order needs its cart, and so on.
So the stages of many purchases are measured one after the other, each on what the last one left.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

from .catalogue import World
from .wire import Client

BATCH = 50
ITEMS = 3
SEARCH_LIMIT = 20

Input = Any
Work = Callable[[Client, Input], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """`work` turns an input into an output, which is None where nobody needs it. The inputs are
    the outputs of `after`, or those that `inputs` makes for so many callers. Each caller does
    at least `least`, however long that takes."""

    name: str
    services: tuple[str, ...]
    work: Work
    after: str | None = None
    inputs: Callable[[World, Random, int], Iterator[Input]] | None = None
    least: int = 1


@dataclass(frozen=True)
class Addition:
    """An item for a cart; `last` completes it."""

    cart_id: str
    customer_id: str
    sku: str
    last: bool


@dataclass(frozen=True)
class Cart:
    cart_id: str
    customer_id: str


async def read_product(client: Client, sku: str) -> None:
    await client.get("product_catalogue", f"/products/{sku}")


async def read_batch(client: Client, skus: Sequence[str]) -> None:
    await client.get("product_catalogue", "/products?" + "&".join(f"sku={sku}" for sku in skus))


async def search(client: Client, text: str) -> None:
    await client.get("search", f"/search?q={quote(text)}&limit={SEARCH_LIMIT}")


async def add_item(client: Client, new: Addition) -> Cart | None:
    path, body = f"/carts/{new.cart_id}/items", {"sku": new.sku, "quantity": 2}
    await client.post("cart", path, body, f"{new.cart_id}-{new.sku}", status=200)
    return Cart(new.cart_id, new.customer_id) if new.last else None


async def order(client: Client, cart: Cart) -> dict[str, Any]:
    body = {"customer_id": cart.customer_id, "cart_id": cart.cart_id}
    return await client.post("order", "/orders", body, cart.cart_id)


async def pay(client: Client, order: Mapping[str, Any]) -> Mapping[str, Any]:
    body = {**_charge(order), "method": {"type": "card", "token": "tok_ok"}}
    await client.post("payment", "/payments", body, order["order_id"])
    return order


async def enter(client: Client, order: Mapping[str, Any]) -> None:
    await client.post("transaction", "/transactions", _charge(order), order["order_id"])


async def fulfil(client: Client, order: Mapping[str, Any]) -> None:
    order_id = order["order_id"]
    await client.post("fulfilment", "/fulfilments", {"order_id": order_id}, order_id)


async def purchase(client: Client, basket: Sequence[Addition]) -> None:
    first = basket[0]
    client.act_as("customer", first.customer_id)
    made = await client.post("cart", "/carts", {}, first.cart_id)
    cart = Cart(made["cart_id"], first.customer_id)
    for new in basket:
        await add_item(client, Addition(cart.cart_id, cart.customer_id, new.sku, new.last))
    placed = await order(client, cart)
    await pay(client, placed)
    client.act_as("staff", "bench")
    await enter(client, placed)
    await fulfil(client, placed)


def _charge(order: Mapping[str, Any]) -> dict[str, Any]:
    return {name: order[key] for name, key in CHARGE.items()}


CHARGE = {"order_id": "order_id", "amount": "total", "currency": "currency"}


def skus(world: World, chance: Random, _: int) -> Iterator[str]:
    while True:
        yield chance.choice(world.skus)


def batches(world: World, chance: Random, _: int) -> Iterator[list[str]]:
    while True:
        yield chance.sample(world.skus, min(BATCH, len(world.skus)))


def words(world: World, chance: Random, _: int) -> Iterator[str]:
    while True:
        yield chance.choice(world.searches)


def baskets(world: World, chance: Random, _: int) -> Iterator[list[Addition]]:
    while True:
        cart_id, customer_id = (
            str(UUID(int=chance.getrandbits(128))),
            chance.choice(world.customers),
        )
        chosen = chance.sample(world.skus, ITEMS)
        yield [
            Addition(cart_id, customer_id, sku, place == ITEMS)
            for place, sku in enumerate(chosen, start=1)
        ]


def additions(world: World, chance: Random, callers: int) -> Iterator[Addition]:
    """In blocks, first items first: no two callers are ever at the same cart."""
    filled = baskets(world, chance, callers)
    while True:
        block = [next(filled) for _ in range(2 * callers)]
        for place in range(ITEMS):
            yield from (basket[place] for basket in block)


CATALOGUE, CART = "product_catalogue", "cart"
BUYING = (CART, "order", "payment", "transaction", "fulfilment")

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("product by SKU", (CATALOGUE,), read_product, inputs=skus),
        Operation("50 SKUs in a batch", (CATALOGUE,), read_batch, inputs=batches),
        Operation("search", ("search",), search, inputs=words),
        Operation("cart add", (CART,), add_item, inputs=additions, least=2 * ITEMS),
        Operation("order", ("order",), order, after="cart add"),
        Operation("payment", ("payment",), pay, after="order"),
        Operation("ledger entry", ("transaction",), enter, after="payment"),
        Operation("fulfilment", ("fulfilment",), fulfil, after="payment"),
        Operation("purchase", BUYING, purchase, inputs=baskets),
    )
}
