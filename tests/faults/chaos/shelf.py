"""What the shop sells, and who fills the shelf before the doors open."""

import asyncio
from random import Random
from typing import Any

from .caller import Caller
from .log import Effect

SORTS = 10
WORDS = ("candle", "lantern", "teapot", "blanket", "basket", "mirror", "clock", "vase")
COLOURS = ("red", "blue", "green", "white", "black")
# Far fewer than are wanted, so that goods run out and have to be restocked.
FIRST_STOCK = 8


class Shelf:
    """The SKUs on sale, as far as the shopkeeper knows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.skus: list[str] = []
        self._made = 0

    def new_sku(self) -> str:
        self._made += 1
        return f"{self.name}-{self._made}"


async def fill(shelf: Shelf, caller: Caller) -> None:
    await asyncio.gather(*(offer(shelf, caller) for _ in range(SORTS)))


async def offer(shelf: Shelf, caller: Caller) -> None:
    """Put another product on sale."""
    sku = shelf.new_sku()
    product = _product(sku, caller.dice)
    effect = Effect("product", sku)
    await caller.ask(
        "POST", "product_catalogue", "/products", product, key=f"{sku}-new", effect=effect
    )
    stock, counted = {"quantity": FIRST_STOCK}, Effect("stock", sku)
    await caller.ask("PUT", "warehouse", f"/stock/{sku}", stock, effect=counted)
    document = {name: product[name] for name in ("name", "price", "currency")}
    indexed = Effect("document", sku)
    await caller.ask("PUT", "search", f"/index/{sku}", document, effect=indexed)
    shelf.skus.append(sku)


def _product(sku: str, dice: Random) -> dict[str, Any]:
    name = f"{dice.choice(COLOURS)} {dice.choice(WORDS)}"
    return {"sku": sku, "name": name, "price": price(dice), "currency": "EUR"}


def price(dice: Random) -> str:
    return f"{dice.randrange(99, 9999) / 100:.2f}"
