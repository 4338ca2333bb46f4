"""Buys something through the generated Python clients. Type-checked beside them, then run.

`python purchase.py URLS`, where URLS is a JSON object: the address of each service by its name.
"""

import json
import sys
from typing import TypeVar
from uuid import uuid4

from shop_clients.cart.api.carts import add_item, create_cart
from shop_clients.cart.client import Client as CartClient
from shop_clients.cart.models import Cart, NewCart, NewItem
from shop_clients.customer.api.customers import create_customer
from shop_clients.customer.client import Client as CustomerClient
from shop_clients.customer.models import Customer, NewAddress, NewCustomer
from shop_clients.fulfilment.api.fulfilments import fulfil_order
from shop_clients.fulfilment.client import Client as FulfilmentClient
from shop_clients.fulfilment.models import FulfilmentJob, NewFulfilment
from shop_clients.order.api.orders import list_orders, place_order, read_order
from shop_clients.order.client import Client as OrderClient
from shop_clients.order.models import NewOrder, Order, OrderPage
from shop_clients.payment.api.payments import create_payment
from shop_clients.payment.client import Client as PaymentClient
from shop_clients.payment.models import AmountMismatch, NewMethod, NewPayment, Payment
from shop_clients.product_catalogue.api.products import create_product
from shop_clients.product_catalogue.client import Client as CatalogueClient
from shop_clients.product_catalogue.models import NewProduct, Product
from shop_clients.search.api.search import index_document, search
from shop_clients.search.client import Client as SearchClient
from shop_clients.search.models import Document, DocumentReplacement, SearchResult
from shop_clients.shipping.api.shipments import list_shipments
from shop_clients.shipping.client import Client as ShippingClient
from shop_clients.shipping.models import ShipmentPage
from shop_clients.transaction.api.transactions import create_transaction
from shop_clients.transaction.client import Client as TransactionClient
from shop_clients.transaction.models import NewTransaction, Transaction
from shop_clients.warehouse.api.stock import count_stock
from shop_clients.warehouse.client import Client as WarehouseClient
from shop_clients.warehouse.models import Stock, StockCount

Kind = TypeVar("Kind")


def expect(kind: type[Kind], answer: object) -> Kind:
    assert isinstance(answer, kind), answer
    return answer


def main(urls: dict[str, str]) -> None:
    sku = f"CLIENT-{uuid4().hex[:12]}"
    catalogue = CatalogueClient(urls["product_catalogue"])
    product = NewProduct(sku=sku, name="Green tea, 100 g", price="6.90", currency="EUR")
    expect(Product, create_product.sync(client=catalogue, body=product))

    warehouse = WarehouseClient(urls["warehouse"])
    expect(Stock, count_stock.sync(sku, client=warehouse, body=StockCount(quantity=10)))

    searching = SearchClient(urls["search"])
    document = DocumentReplacement(name="Green tea, 100 g", price="6.90", currency="EUR")
    expect(Document, index_document.sync(sku, client=searching, body=document))
    found = expect(SearchResult, search.sync(client=searching, q=sku.lower()))
    assert [hit.sku for hit in found.items] == [sku]

    customers = CustomerClient(urls["customer"])
    address = NewAddress(line1="12 High Street", city="Hong Kong", country="HK")
    person = NewCustomer(email=f"{sku.lower()}@example.org", name="Ada", address=address)
    customer = expect(Customer, create_customer.sync(client=customers, body=person))

    carts = CartClient(urls["cart"])
    cart = expect(
        Cart,
        create_cart.sync(client=carts, body=NewCart(customer_id=customer.customer_id)),
    )
    item = NewItem(sku=sku, quantity=2)
    expect(Cart, add_item.sync(cart.cart_id, client=carts, body=item, idempotency_key="add-1"))

    orders = OrderClient(urls["order"])
    new = NewOrder(customer_id=customer.customer_id, cart_id=cart.cart_id, expected_total="13.80")
    order = expect(Order, place_order.sync(client=orders, body=new))

    payments = PaymentClient(urls["payment"])
    method = NewMethod(type_="card", token="tok_ok")
    wrong = NewPayment(order_id=order.order_id, amount="1.00", currency="EUR", method=method)
    mismatch = expect(AmountMismatch, create_payment.sync(client=payments, body=wrong))
    right = NewPayment(
        order_id=order.order_id, amount=mismatch.expected, currency="EUR", method=method
    )
    payment = expect(Payment, create_payment.sync(client=payments, body=right))
    assert (payment.status, payment.amount) == ("captured", order.total)

    ledger = TransactionClient(urls["transaction"])
    charge = NewTransaction(order_id=order.order_id, amount=order.total, currency=order.currency)
    expect(Transaction, create_transaction.sync(client=ledger, body=charge))

    fulfilments = FulfilmentClient(urls["fulfilment"])
    job = NewFulfilment(order_id=order.order_id)
    expect(FulfilmentJob, fulfil_order.sync(client=fulfilments, body=job))
    assert expect(Order, read_order.sync(order.order_id, client=orders)).status == "fulfilled"

    shipping = ShippingClient(urls["shipping"])
    parcels = expect(ShipmentPage, list_shipments.sync(client=shipping, order_id=order.order_id))
    assert len(parcels.items) == 1

    page = expect(
        OrderPage, list_orders.sync(client=orders, customer_id=customer.customer_id, limit=1)
    )
    assert (len(page.items), page.next_cursor) == (1, None)
    print(f"bought {order.order_id}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
