"""A client of the whole fleet, as an integrator would write one."""

import asyncio
import itertools
import secrets
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from tests.polling import insist, until

_numbers = itertools.count(1)

HOME = {"line1": "1 Quay Street", "city": "Cork", "postal_code": "T12", "country": "IE"}

# Nobody here speaks TLS, and to read the world's certificates takes longer than many a test.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def unique(stem: str) -> str:
    return f"{stem}-{secrets.token_hex(4)}-{next(_numbers)}"


class Shop:
    """Calls by service name. What a journey needs again and again has a method."""

    def __init__(
        self,
        urls: Mapping[str, str],
        transport: Callable[..., httpx.AsyncBaseTransport] = httpx.AsyncHTTPTransport,
        token: str | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._clients = {
            name: httpx.AsyncClient(
                base_url=url,
                timeout=10,
                transport=transport(verify=NO_CERTIFICATES),
                headers=headers,
            )
            for name, url in urls.items()
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    def __getitem__(self, service: str) -> httpx.AsyncClient:
        return self._clients[service]

    async def get(self, service: str, path: str) -> Any:
        """The JSON of something that must be there; asked again if told so."""
        answer = await insist(lambda: self[service].get(path))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(
        self, service: str, path: str, body: Any, *, key: str | None = None, status: int = 201
    ) -> Any:
        """The JSON of a POST that must have this status; asked again, with its key, if told so."""
        headers = {"Idempotency-Key": key or unique("key")}
        answer = await insist(lambda: self[service].post(path, json=body, headers=headers))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def product(
        self, *, price: str = "10.00", currency: str = "EUR", stock: int | None = 100
    ) -> str:
        """A new product on sale, and in stock. Returns its SKU."""
        sku = unique("SKU")
        product = {"sku": sku, "name": f"Thing {sku}", "price": price, "currency": currency}
        await self.post("product_catalogue", "/products", product)
        if stock is not None:
            put = await self["warehouse"].put(f"/stock/{sku}", json={"quantity": stock})
            assert put.status_code == 200, put.text
        return sku

    async def customer(self) -> str:
        body = {"email": f"{unique('someone')}@example.org", "name": "Someone", "address": HOME}
        customer = await self.post("customer", "/customers", body)
        return str(customer["customer_id"])

    async def cart(self, items: Mapping[str, int]) -> str:
        cart = await self.post("cart", "/carts", {})
        for sku, quantity in items.items():
            line = {"sku": sku, "quantity": quantity}
            await self.post("cart", f"/carts/{cart['cart_id']}/items", line, status=200)
        return str(cart["cart_id"])

    async def order(self, items: Mapping[str, int], customer_id: str | None = None) -> Any:
        body = {
            "customer_id": customer_id or await self.customer(),
            "cart_id": await self.cart(items),
            "shipping_address": HOME,
        }
        return await self.post("order", "/orders", body)

    async def pay(self, order: Mapping[str, Any], card: str = "tok_ok") -> httpx.Response:
        """Pay an order, asking again with the same key while the outcome is not known."""
        headers = {"Idempotency-Key": unique("pay")}
        body = {
            "order_id": order["order_id"],
            "amount": order["total"],
            "currency": order["currency"],
            "method": {"type": "card", "token": card},
        }
        payment = self["payment"]
        return await insist(lambda: payment.post("/payments", json=body, headers=headers))

    async def paid_order(self, items: Mapping[str, int]) -> Any:
        order = await self.order(items)
        payment = await self.pay(order)
        assert payment.status_code == 201, payment.text
        return await self.get("order", f"/orders/{order['order_id']}")

    async def until(self, service: str, path: str, **members: Any) -> Any:
        """Read until these members have these values; for what comes surely, if not at once."""
        return await until(
            lambda: self.get(service, path),
            lambda found: found == {**found, **members},
            seconds=15,
        )
