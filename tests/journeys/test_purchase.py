"""Purchases through all ten services."""

import asyncio

import pytest

from tests.shop import Shop, unique


async def test_purchase_from_search_to_parcel(shop: Shop) -> None:
    mug, tea = await shop.product(price="12.50"), await shop.product(price="3.99")
    word = unique("Teapot").replace("-", "")
    document = {"name": f"{word} for one", "price": "12.50", "currency": "EUR"}
    assert (await shop["search"].put(f"/index/{mug}", json=document)).status_code == 200
    found = await shop.get("search", f"/search?q={word}")
    assert [item["sku"] for item in found["items"]] == [mug]

    order = await shop.order({mug: 2, tea: 1})
    assert order["status"] == "pending"
    assert order["total"] == "28.99"
    payment = await shop.pay(order)
    assert payment.status_code == 201
    assert payment.json()["status"] == "captured"
    entry = {"order_id": order["order_id"], "amount": "28.99", "currency": "EUR"}
    await shop.post("transaction", "/transactions", entry)
    job = await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    assert job["status"] == "completed"

    done = await shop.get("order", f"/orders/{order['order_id']}")
    assert done["status"] == "fulfilled"
    assert done["payment_id"] == payment.json()["payment_id"]
    assert done["shipment_id"] == job["shipment_id"]
    assert [moment["status"] for moment in done["history"]] == ["pending", "paid", "fulfilled"]
    shipment = await shop.get("shipping", f"/shipments/{job['shipment_id']}")
    assert shipment["tracking_number"]
    assert shipment["order_id"] == order["order_id"]
    assert shipment["address"]["city"] == "Cork"
    stock = await shop.get("warehouse", f"/stock/{mug}")
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (98, 0, 98)
    balance = await shop.get("transaction", f"/balances/{order['order_id']}")
    assert (balance["charged"], balance["net"]) == ("28.99", "28.99")


async def test_order_takes_the_price_of_now(shop: Shop) -> None:
    sku = await shop.product(price="10.00")
    cart_id = await shop.cart({sku: 3})
    await shop["product_catalogue"].patch(f"/products/{sku}", json={"price": "11.00"})
    body = {"customer_id": await shop.customer(), "cart_id": cart_id}
    order = await shop.post("order", "/orders", body)
    assert order["total"] == "33.00"
    cart = await shop.get("cart", f"/carts/{cart_id}")
    assert cart["status"] == "checked_out"
    assert cart["items"][0]["unit_price"] == "10.00"


async def test_order_of_nothing_is_shipped_without_a_payment(shop: Shop) -> None:
    sku = await shop.product(price="0.00")
    order = await shop.order({sku: 2})
    assert (order["status"], order["total"], order["payment_id"]) == ("paid", "0.00", None)
    refused = await shop.pay(order, "tok_declined")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/nothing-to-pay")
    charge = {"order_id": order["order_id"], "amount": "0.00", "currency": "EUR"}
    refused = await shop.post("transaction", "/transactions", charge, status=409)
    assert refused["type"] == "/problems/nothing-to-pay"
    balance = await shop.get("transaction", f"/balances/{order['order_id']}")
    assert balance == {
        "order_id": order["order_id"],
        "charged": "0.00",
        "refunded": "0.00",
        "net": "0.00",
        "currency": "EUR",
    }
    job = await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    assert job["status"] == "completed"
    done = await shop.get("order", f"/orders/{order['order_id']}")
    assert [moment["status"] for moment in done["history"]] == ["pending", "paid", "fulfilled"]
    assert (await shop.get("warehouse", f"/stock/{sku}"))["on_hand"] == 98


async def test_order_of_nothing_that_is_cancelled_stays_so(shop: Shop) -> None:
    free, sku = await shop.product(price="0.00"), await shop.product()
    order, other = await shop.order({free: 1}), await shop.paid_order({sku: 1})
    for each in (order, other):
        await shop.post("order", f"/orders/{each['order_id']}/cancel", {}, status=200)
    # By then the sweep has passed, which refunds what was paid.
    await shop.until("order", f"/orders/{other['order_id']}", status="refunded")
    assert (await shop.get("order", f"/orders/{order['order_id']}"))["status"] == "cancelled"
    refused = await shop.post(
        "fulfilment", "/fulfilments", {"order_id": order["order_id"]}, status=409
    )
    assert refused["type"] == "/problems/order-not-fulfillable"


async def test_order_is_placed_only_for_what_was_seen(shop: Shop) -> None:
    sku = await shop.product(price="20.00")
    cart_id = await shop.cart({sku: 3})
    await shop["product_catalogue"].patch(f"/products/{sku}", json={"price": "34.67"})
    body = {"customer_id": await shop.customer(), "cart_id": cart_id}
    seen = body | {"expected_total": "60.00"}
    refused = await shop.post("order", "/orders", seen, status=409)
    assert refused["type"] == "/problems/total-changed"
    assert (refused["expected"], refused["total"]) == ("60.00", "104.01")
    assert (await shop.get("cart", f"/carts/{cart_id}"))["status"] == "open"
    agreed = body | {"expected_total": refused["total"]}
    assert (await shop.post("order", "/orders", agreed))["total"] == "104.01"


async def test_double_checkout_makes_one_order(shop: Shop) -> None:
    sku = await shop.product()
    body = {"customer_id": await shop.customer(), "cart_id": await shop.cart({sku: 1})}
    answers = await asyncio.gather(
        *(
            shop["order"].post("/orders", json=body, headers={"Idempotency-Key": unique("k")})
            for _ in range(10)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    (placed,) = [answer.json()["order_id"] for answer in answers if answer.status_code == 201]
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {refusal["type"] for refusal in refusals} == {"/problems/cart-checked-out"}
    assert {refusal["order_id"] for refusal in refusals} == {placed}


async def test_impatient_clicks_pay_once(shop: Shop) -> None:
    order = await shop.order({await shop.product(): 1})
    answers = await asyncio.gather(*(shop.pay(order) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    payments = await shop.get("payment", f"/payments?order_id={order['order_id']}")
    assert [payment["status"] for payment in payments["items"]] == ["captured"]


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_ok", "captured"),
        ("tok_declined", "declined"),
        ("tok_timeout", "captured"),
        ("tok_error", "captured"),
    ],
)
async def test_each_token_ends_as_it_says(shop: Shop, token: str, status: str) -> None:
    order = await shop.order({await shop.product(): 1})
    payment = await shop.pay(order, token)
    assert payment.status_code == 201, payment.text
    assert payment.json()["status"] == status
    expected = "paid" if status == "captured" else "pending"
    await shop.until("order", f"/orders/{order['order_id']}", status=expected)


async def test_declined_order_can_be_paid_again(shop: Shop) -> None:
    order = await shop.order({await shop.product(): 1})
    assert (await shop.pay(order, "tok_declined")).json()["status"] == "declined"
    assert (await shop.pay(order)).json()["status"] == "captured"


async def test_unpaid_order_does_not_ship(shop: Shop) -> None:
    sku = await shop.product(stock=5)
    order = await shop.order({sku: 1})
    key = unique("fulfil")
    body = {"order_id": order["order_id"]}
    refused = await shop.post("fulfilment", "/fulfilments", body, key=key, status=409)
    assert refused["type"] == "/problems/order-not-paid"
    await shop.pay(order)
    job = await shop.post("fulfilment", "/fulfilments", body, key=key)
    assert job["status"] == "completed"


async def test_short_stock_is_named_and_nothing_is_held(shop: Shop) -> None:
    plenty, scarce = await shop.product(stock=50), await shop.product(stock=1)
    order = await shop.paid_order({plenty: 2, scarce: 3})
    body = {"order_id": order["order_id"]}
    refused = await shop.post("fulfilment", "/fulfilments", body, key="short", status=409)
    assert refused["type"] == "/problems/insufficient-stock"
    assert refused["shortages"] == [{"sku": scarce, "requested": 3, "available": 1}]
    await shop.until("warehouse", f"/stock/{plenty}", reserved=0)
    await shop["warehouse"].put(f"/stock/{scarce}", json={"quantity": 3})
    job = await shop.post("fulfilment", "/fulfilments", body, key="short")
    assert job["status"] == "completed"
    assert (await shop.get("warehouse", f"/stock/{scarce}"))["on_hand"] == 0


async def test_last_unit_is_sold_once(shop: Shop) -> None:
    sku = await shop.product(stock=2)
    orders = await asyncio.gather(*(shop.paid_order({sku: 1}) for _ in range(6)))
    answers = await asyncio.gather(
        *(
            shop["fulfilment"].post("/fulfilments", json={"order_id": order["order_id"]})
            for order in orders
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 4
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == 0


async def test_refund_in_parts(shop: Shop) -> None:
    order = await shop.paid_order({await shop.product(price="10.00"): 2})
    path = f"/payments/{order['payment_id']}/refunds"
    await shop.post("payment", path, {"amount": "5.00", "reason": "one chipped"})
    part = await shop.get("payment", f"/payments/{order['payment_id']}")
    assert (part["status"], part["refunded"]) == ("captured", "5.00")
    over = await shop.post("payment", path, {"amount": "15.01"}, status=409)
    assert over["type"] == "/problems/refund-exceeds-payment"
    await shop.post("payment", path, {})
    await shop.until("order", f"/orders/{order['order_id']}", status="refunded")
    await shop.until("payment", f"/payments/{order['payment_id']}", refunded="20.00")


async def test_cancelled_order_gets_its_money_back(shop: Shop) -> None:
    order = await shop.paid_order({await shop.product(): 1})
    path = f"/orders/{order['order_id']}"
    await shop.post("order", f"{path}/cancel", {"reason": "changed my mind"}, status=200)
    refunded = await shop.until("order", path, status="refunded")
    statuses = [moment["status"] for moment in refunded["history"]]
    assert statuses == ["pending", "paid", "cancelled", "refunded"]
    body = {"order_id": order["order_id"]}
    refused = await shop.post("fulfilment", "/fulfilments", body, status=409)
    assert refused["type"] == "/problems/order-not-fulfillable"


async def test_shipped_order_cannot_be_cancelled(shop: Shop) -> None:
    order = await shop.paid_order({await shop.product(): 1})
    await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    cancel = await shop["order"].post(f"/orders/{order['order_id']}/cancel", json={})
    assert cancel.status_code == 409
    again = await shop["fulfilment"].post("/fulfilments", json={"order_id": order["order_id"]})
    assert again.status_code == 200


async def test_erased_customer_keeps_the_order(shop: Shop) -> None:
    customer_id = await shop.customer()
    order = await shop.order({await shop.product(): 1}, customer_id)
    assert (await shop["customer"].delete(f"/customers/{customer_id}")).status_code == 204
    assert (await shop["customer"].get(f"/customers/{customer_id}")).status_code == 404
    kept = await shop.get("order", f"/orders/{order['order_id']}")
    assert kept["customer_id"] == customer_id
    body = {"customer_id": customer_id, "cart_id": await shop.cart({await shop.product(): 1})}
    refused = await shop.post("order", "/orders", body, status=422)
    assert refused["type"] == "/problems/unknown-customer"


async def test_withdrawn_product_is_not_sold(shop: Shop) -> None:
    sku = await shop.product()
    cart_id = await shop.cart({sku: 1})
    assert (await shop["product_catalogue"].delete(f"/products/{sku}")).status_code == 204
    line = {"sku": sku, "quantity": 1}
    refused = await shop.post("cart", f"/carts/{cart_id}/items", line, status=422)
    assert refused["type"] == "/problems/unknown-sku"
    body = {"customer_id": await shop.customer(), "cart_id": cart_id}
    refused = await shop.post("order", "/orders", body, status=422)
    assert refused["type"] == "/problems/unknown-sku"
    assert (await shop.get("cart", f"/carts/{cart_id}"))["status"] == "open"


async def test_many_shoppers_at_once(shop: Shop) -> None:
    skus = await asyncio.gather(*(shop.product(stock=1000) for _ in range(5)))

    async def buy(number: int) -> str:
        order = await shop.paid_order({skus[number % 5]: 1, skus[(number + 1) % 5]: 2})
        body = {"order_id": order["order_id"]}
        return str((await shop.post("fulfilment", "/fulfilments", body))["status"])

    assert set(await asyncio.gather(*(buy(number) for number in range(25)))) == {"completed"}
    left = [(await shop.get("warehouse", f"/stock/{sku}"))["on_hand"] for sku in skus]
    assert left == [1000 - 15] * 5
