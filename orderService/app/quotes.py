"""What an order would be: the cart's items at the catalogue's prices of now."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from chassis import Address, Answer, Peer, Peers, Problem, may_touch, to_major, to_minor
from chassis.money import maximum

from .schemas import NewOrder
from .views import CartView, CustomerView, ProductsView, ProductView

# How many products the catalogue tells in one answer.
BATCH = 200


class UnknownCustomer(Problem, status=422):
    """There is no customer with this id.

    Check customer_id. One who was erased is not found either.
    """

    customer_id: UUID


class UnknownCart(Problem, status=422):
    """There is no cart with this id.

    Check cart_id. A cart of somebody else is not found either.
    """

    cart_id: UUID


class CartOfAnotherCustomer(Problem, status=422):
    """The cart belongs to another customer.

    Order as the customer whose cart it is.
    """


class CartCheckedOut(Problem, status=409):
    """An order has been made of this cart; it does not change any more.

    Go on with the order that order_id names, or begin another cart.
    """

    order_id: UUID


class EmptyCart(Problem, status=422, remembered=False):
    """There is nothing in the cart.

    Add an item, and order again.
    """


class UnknownSku(Problem, status=422, remembered=False):
    """Some of these products are not on sale.

    Leave out what skus names: it is unknown, or withdrawn.
    """

    skus: list[str]
    """The products that this is about."""
    sku: str | None = None


class MixedCurrencies(Problem, status=422, remembered=False):
    """The products in the cart are priced in different currencies.

    Order the products of one currency; put the others into another cart.
    """

    currencies: list[str]
    """Those of the products in the cart."""


class TotalTooLarge(Problem, status=422, remembered=False):
    """The order would come to more than an order may.

    Order less at once.
    """

    total: str
    """The total that the order would come to."""
    limit: str
    """The largest total of an order."""
    currency: str


class TotalChanged(Problem, status=409, remembered=False):
    """The order would not come to the total that was expected.

    Show the new total to the customer, and send it, with a key of its own, if they agree.
    """

    expected: str
    """The total that the request expected."""
    total: str
    """The total that the order would come to."""
    currency: str


@dataclass(frozen=True)
class Line:
    sku: str
    name: str
    quantity: int
    unit_price_minor: int

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True)
class Quote:
    """`cart_version` is the cart's when it was read: it is closed at that one only."""

    customer_id: UUID
    cart_id: UUID
    cart_version: int
    currency: str
    lines: list[Line]
    address: Address | None

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)


async def quote(peers: Peers, new: NewOrder) -> Quote:
    """Ask the peers, and write nothing. Raises any problem above, or DependencyUnavailable."""
    customer, cart = await asyncio.gather(
        peers["customer"].get(f"/customers/{new.customer_id}"),
        peers["cart"].get(f"/carts/{new.cart_id}"),
    )
    address = _customer(customer, new).address
    basket = _cart(cart, new)
    products = await _on_sale(peers["product_catalogue"], [item.sku for item in basket.items])
    given = new.shipping_address
    result = Quote(
        customer_id=new.customer_id,
        cart_id=new.cart_id,
        cart_version=basket.version,
        currency=_currency(products),
        lines=[_line(products[item.sku], item.quantity) for item in basket.items],
        address=Address.of(given) if given else address,
    )
    _check_total(result, new.expected_total)
    return result


def _check_total(quoted: Quote, expected: Decimal | None) -> None:
    """Raises TotalTooLarge, TotalChanged, and InvalidRequest for more decimals than there are."""
    currency = quoted.currency
    total, limit = to_major(quoted.total_minor, currency), maximum(currency)
    if quoted.total_minor > to_minor(limit, currency):
        raise TotalTooLarge(total=total, limit=format(limit, "f"), currency=currency)
    if expected is None:
        return
    expected_minor = to_minor(expected, currency, "#/expected_total")
    if expected_minor != quoted.total_minor:
        raise TotalChanged(
            expected=to_major(expected_minor, currency), total=total, currency=currency
        )


def _customer(answer: Answer, new: NewOrder) -> CustomerView:
    if answer.status == 404:
        raise UnknownCustomer(customer_id=new.customer_id)
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(CustomerView)


def _cart(answer: Answer, new: NewOrder) -> CartView:
    if answer.status == 404:
        raise UnknownCart(cart_id=new.cart_id)
    if not answer.ok:
        raise answer.unexpected()
    cart = answer.read(CartView)
    if not may_touch(cart.customer_id):
        # The carts service shows every cart to us: its customer would not have got it there.
        raise UnknownCart(cart_id=new.cart_id)
    if cart.order_id is not None:
        raise CartCheckedOut(order_id=cart.order_id)
    if cart.customer_id not in (None, new.customer_id):
        raise CartOfAnotherCustomer()
    if not cart.items:
        raise EmptyCart()
    return cart


async def _on_sale(catalogue: Peer, skus: list[str]) -> dict[str, ProductView]:
    """All of these products, by SKU. Raises UnknownSku, naming those that are not on sale."""
    batches = [skus[start : start + BATCH] for start in range(0, len(skus), BATCH)]
    answers = await asyncio.gather(*(_products(catalogue, batch) for batch in batches))
    on_sale = {product.sku: product for found in answers for product in found if product.active}
    if gone := [sku for sku in skus if sku not in on_sale]:
        raise UnknownSku(skus=gone)
    return on_sale


async def _products(catalogue: Peer, skus: list[str]) -> list[ProductView]:
    answer = await catalogue.get("/products", [("sku", sku) for sku in skus])
    if not answer.ok:
        raise answer.unexpected()
    return answer.read(ProductsView).items


def _currency(products: dict[str, ProductView]) -> str:
    currencies = {product.currency for product in products.values()}
    if len(currencies) > 1:
        raise MixedCurrencies(currencies=sorted(currencies))
    return currencies.pop()


def _line(product: ProductView, quantity: int) -> Line:
    price = to_minor(product.price, product.currency)
    return Line(product.sku, product.name, quantity, price)
