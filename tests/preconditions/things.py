"""What has an ETag, and every way to write it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

CART = "01890a5d-ac96-774b-bcce-b302099a8057"
OTHER_CART = "01890a5d-ac96-774b-bcce-b302099a8058"
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8059"

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """A request that changes the thing, each time it is made with another `n`."""

    method: str
    under: str = ""  # the thing's own path
    body: JSON = field(default_factory=dict)
    # The member that has to differ, where one has to.
    differs: str = ""
    # Makes the thing, where there is none.
    makes: bool = False
    # Changes nothing the second time.
    once: bool = False
    # There is nothing left after it.
    removes: bool = False

    def json(self, n: int) -> dict[str, Any]:
        value = n + 1 if self.differs == "quantity" else f"Tea {n}"
        return {**self.body, self.differs: value} if self.differs else {**self.body}


@dataclass(frozen=True)
class Thing:
    service: str
    make: tuple[str, str, JSON]
    missing: str  # the path of one that is not there
    writes: tuple[Write, ...]

    async def made(self, service: httpx.AsyncClient) -> httpx.Response:
        method, path, body = self.make
        answer = await service.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer

    def path(self, made: httpx.Response) -> str:
        return str(made.headers.get("location") or self.make[1].removesuffix("/items"))


NAME = {"name": "Tea"}
PRODUCT = {"sku": "TEA", "name": "Tea", "price": "6.90", "currency": "EUR"}
THINGS = (
    Thing(
        "product_catalogue",
        ("POST", "/products", PRODUCT),
        "/products/NONE",
        (
            Write("PATCH", differs="name"),
            Write("PUT", body=PRODUCT, differs="name"),
            Write("DELETE", once=True),
        ),
    ),
    Thing(
        "cart",
        ("POST", f"/carts/{CART}/items", {"sku": "TEA", "quantity": 2}),
        f"/carts/{NOBODY}",
        (
            Write("POST", "/items", {"sku": "TEA", "quantity": 1}, makes=True),
            Write("PUT", "/items/TEA", differs="quantity"),
            Write("POST", "/merge", {"from_cart_id": OTHER_CART}),
            Write("DELETE", "/items/TEA", once=True),
            Write("DELETE", removes=True),
        ),
    ),
    Thing(
        "customer",
        ("POST", "/customers", {"email": "ada@example.org", "name": "Ada"}),
        f"/customers/{NOBODY}",
        (Write("PATCH", differs="name"), Write("DELETE", removes=True)),
    ),
    Thing(
        "warehouse",
        ("PUT", "/stock/TEA", {"quantity": 5}),
        "/stock/NONE",
        (
            Write("PUT", differs="quantity", makes=True),
            Write("PUT", body={"tracked": False}, makes=True, once=True),
            Write("POST", "/adjustments", {"delta": 1, "reason": "found"}),
        ),
    ),
    Thing(
        "search",
        ("PUT", "/index/TEA", NAME),
        "/index/NONE",
        (Write("PUT", differs="name", makes=True), Write("DELETE", removes=True)),
    ),
)
WRITES = [(thing, write) for thing in THINGS for write in thing.writes]


def label(value: object) -> str | None:
    match value:
        case Thing():
            return value.service
        case Write():
            return f"{value.method}{value.under}"
    return None
