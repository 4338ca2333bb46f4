"""Placing an order, whatever is refused, raced or cut off."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from orderService.tests.shop import ADDRESS, HOME, Shop, drafts, listed, order, problem


async def test_order_takes_the_cart_at_prices_of_now(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    cart = shop.cart(LAMP=2, CANDLE=3)
    placed = await order(service, shop, cart)
    assert placed.status_code == 201, placed.text
    body = placed.json()
    assert placed.headers["location"] == f"/orders/{body['order_id']}"
    assert UUID(body["order_id"]).version == 7
    assert shop.carts[cart]["order_id"] == body["order_id"]
    assert (await service.get(placed.headers["location"])).json() == body
    assert body["created_at"].endswith("Z")
    assert [entry["status"] for entry in body["history"]] == ["pending"]
    assert body == {
        "order_id": body["order_id"],
        "customer_id": shop.customer,
        "cart_id": cart,
        "status": "pending",
        "lines": [
            {
                "sku": "LAMP",
                "name": "The LAMP",
                "quantity": 2,
                "unit_price": "19.99",
                "line_total": "39.98",
            },
            {
                "sku": "CANDLE",
                "name": "The CANDLE",
                "quantity": 3,
                "unit_price": "4.50",
                "line_total": "13.50",
            },
        ],
        "total": "53.48",
        "currency": "EUR",
        "shipping_address": HOME,
        "payment_id": None,
        "fulfilment_job_id": None,
        "shipment_id": None,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "history": body["history"],
        "trace_id": placed.headers["traceparent"][3:35],
    }


async def test_order_goes_where_it_is_told(service: httpx.AsyncClient, shop: Shop) -> None:
    address = {**ADDRESS, "line1": "Elsewhere 2", "line2": "c/o"}
    placed = await order(service, shop, shop.cart(LAMP=1), shipping_address=address)
    assert placed.json()["shipping_address"] == {**address, "region": None}
    wrong = await order(
        service, shop, shop.cart(LAMP=1), shipping_address={**ADDRESS, "country": "Germany"}
    )
    assert problem(wrong) == (422, "invalid-request")
    assert wrong.json()["errors"][0]["pointer"] == "#/shipping_address/country"


async def test_order_goes_where_there_are_no_postal_codes(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    address = {"line1": "8 Finance Street", "city": "Hong Kong", "country": "HK"}
    placed = await order(service, shop, shop.cart(LAMP=1), shipping_address=address)
    gone = {"line2": None, "region": None, "postal_code": None}
    assert placed.json()["shipping_address"] == address | gone
    for country, pointer in (("DE", "postal_code"), ("QQ", "country")):
        elsewhere = address | {"country": country}
        wrong = await order(service, shop, shop.cart(LAMP=1), shipping_address=elsewhere)
        assert wrong.json()["errors"][0]["pointer"] == f"#/shipping_address/{pointer}"


async def test_unknown_customer_and_cart_are_refused(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    cart = shop.cart(LAMP=1)
    stranger = await order(service, shop, cart, customer_id=str(uuid4()))
    assert problem(stranger) == (422, "unknown-customer")
    assert problem(await order(service, shop, str(uuid4()))) == (422, "unknown-cart")
    theirs = shop.cart(owner=str(uuid4()), LAMP=1)
    assert problem(await order(service, shop, theirs)) == (422, "cart-of-another-customer")
    own = shop.cart(owner=shop.customer, LAMP=1)
    assert (await order(service, shop, own)).status_code == 201


async def test_cart_that_makes_no_order_can_be_mended(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    cart = shop.cart()
    assert problem(await order(service, shop, cart, key="k")) == (422, "empty-cart")
    shop.sell("GONE", "1.00", active=False)
    shop.add(cart, "GONE", 1)
    shop.add(cart, "NEVER", 1)
    gone = await order(service, shop, cart, key="k")
    assert problem(gone) == (422, "unknown-sku")
    assert gone.json()["skus"] == ["GONE", "NEVER"]
    shop.sell("GONE", "1.00")
    shop.sell("NEVER", "500", currency="JPY")
    mixed = await order(service, shop, cart, key="k")
    assert problem(mixed) == (422, "mixed-currencies")
    assert mixed.json()["currencies"] == ["EUR", "JPY"]
    shop.sell("NEVER", "9999999999.00")
    too_much = await order(service, shop, cart, key="k")
    assert problem(too_much) == (422, "total-too-large")
    told = too_much.json()
    assert (told["total"], told["limit"]) == ("10000000000.00", "9999999999.99")
    assert told["currency"] == "EUR"
    assert await drafts(database_url) == 0
    shop.sell("NEVER", "9999999998.99")
    placed = await order(service, shop, cart, key="k")
    assert (placed.status_code, placed.json()["total"]) == (201, "9999999999.99")


async def test_big_cart_is_priced_in_batches(service: httpx.AsyncClient, shop: Shop) -> None:
    items = {f"S{number}": 1 for number in range(450)}
    for sku in items:
        shop.sell(sku, "0.10")
    placed = await order(service, shop, shop.cart(None, **items))
    assert placed.status_code == 201
    assert placed.json()["total"] == "45.00"
    assert [line["sku"] for line in placed.json()["lines"]] == list(items)
    assert shop.asked.count("GET product_catalogue") == 3


async def test_cart_makes_one_order(service: httpx.AsyncClient, shop: Shop) -> None:
    cart = shop.cart(LAMP=1)
    placed = await order(service, shop, cart, key="first")
    for refused in (
        await order(service, shop, cart),
        await order(service, shop, cart, key="second"),
        await order(service, shop, cart, key="second"),
    ):
        assert problem(refused) == (409, "cart-checked-out")
        assert refused.json()["order_id"] == placed.json()["order_id"]
    elsewhere = shop.cart(LAMP=1)
    shop.carts[elsewhere]["order_id"] = str(uuid4())
    closed = await order(service, shop, elsewhere)
    assert problem(closed) == (409, "cart-checked-out")
    assert closed.json()["order_id"] == shop.carts[elsewhere]["order_id"]


@pytest.mark.parametrize("keyed", [True, False])
async def test_raced_cart_makes_one_order(
    service: httpx.AsyncClient, shop: Shop, keyed: bool
) -> None:
    for _ in range(5):
        cart = shop.cart(LAMP=1, CANDLE=2)
        answers = await asyncio.gather(
            *(order(service, shop, cart, key=f"{cart} {n}" if keyed else None) for n in range(20))
        )
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
        assert len({answer.json()["order_id"] for answer in answers}) == 1
        assert {problem(a)[1] for a in answers if a.status_code == 409} == {"cart-checked-out"}


async def test_key_gives_the_same_bytes_again(service: httpx.AsyncClient, shop: Shop) -> None:
    cart = shop.cart(LAMP=1)
    raced = await asyncio.gather(*(order(service, shop, cart, key="k") for _ in range(8)))
    again = await order(service, shop, cart, key="k")
    assert {answer.status_code for answer in (*raced, again)} == {201}
    assert len({answer.content for answer in (*raced, again)}) == 1
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == f"/orders/{again.json()['order_id']}"
    assert len(await listed(service)) == 1
    other = await order(service, shop, shop.cart(LAMP=1), key="k")
    assert problem(other) == (422, "idempotency-key-reused")


async def test_closed_cart_is_no_refusal_to_the_key_that_closed_it(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    """A second request with the key has looked before the first one wrote, and reads after it:
    it goes on with what that began."""
    cart = shop.cart(LAMP=1)

    async def first_one_closes_the_cart() -> None:
        shop.lost_answers = True
        cut_off = await order(service, shop, cart, key="k")
        assert problem(cut_off) == (503, "dependency-unavailable")
        shop.lost_answers = False

    shop.before_read = first_one_closes_the_cart
    second = await order(service, shop, cart, key="k")
    assert (second.status_code, second.json()["cart_id"]) == (201, cart)
    assert (await order(service, shop, cart, key="k")).content == second.content


@pytest.mark.parametrize("peer", ["cart", "customer", "product_catalogue"])
async def test_peer_that_is_down_leaves_nothing(
    service: httpx.AsyncClient, shop: Shop, database_url: str, peer: str
) -> None:
    cart = shop.cart(LAMP=1)
    shop.down = {peer}
    refused = await order(service, shop, cart, key="k")
    assert problem(refused) == (503, "dependency-unavailable")
    assert refused.json()["dependency"] == peer
    assert refused.headers["retry-after"]
    assert await drafts(database_url) == 0
    shop.down = set()
    assert (await order(service, shop, cart, key="k")).status_code == 201


@pytest.mark.parametrize("quantity", [-1, 0, 10**12])
async def test_impossible_cart_is_not_believed(
    service: httpx.AsyncClient, shop: Shop, database_url: str, quantity: int
) -> None:
    refused = await order(service, shop, shop.cart(LAMP=quantity))
    assert problem(refused) == (503, "dependency-unavailable")
    assert refused.json()["dependency"] == "cart"
    assert await drafts(database_url) == 0


async def test_item_added_in_the_middle_is_ordered(service: httpx.AsyncClient, shop: Shop) -> None:
    cart = shop.cart(LAMP=1)
    additions = iter(["CANDLE"])

    def add_once() -> None:
        for sku in additions:
            shop.add(cart, sku, 2)

    shop.on_checkout = add_once
    placed = await order(service, shop, cart, key="k")
    assert placed.status_code == 201
    assert [line["sku"] for line in placed.json()["lines"]] == ["LAMP", "CANDLE"]
    assert placed.json()["total"] == "28.99"
    assert (await order(service, shop, cart, key="k")).content == placed.content


async def test_restless_cart_is_given_up(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    cart, skus = shop.cart(LAMP=1), [f"S{number}" for number in range(20)]
    for sku in skus:
        shop.sell(sku, "1.00")
    shop.on_checkout = lambda: shop.add(cart, skus.pop(), 1)
    refused = await order(service, shop, cart, key="k")
    assert problem(refused) == (409, "cart-changed")
    assert refused.headers["retry-after"]
    assert await drafts(database_url) == 0
    shop.on_checkout = lambda: None
    assert (await order(service, shop, cart, key="k")).status_code == 201


async def test_cart_lost_at_the_last_moment(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    taken, deleted, other = shop.cart(LAMP=1), shop.cart(LAMP=1), str(uuid4())
    shop.on_checkout = lambda: shop.carts[taken].update(order_id=other)
    refused = await order(service, shop, taken, key="k")
    assert problem(refused) == (409, "cart-checked-out")
    assert refused.json()["order_id"] == other
    assert (await order(service, shop, taken, key="k")).content == refused.content
    shop.down = {"checkout"}
    await order(service, shop, deleted, key="d")
    shop.down = set()
    del shop.carts[deleted]
    assert problem(await order(service, shop, deleted, key="d")) == (422, "unknown-cart")
    assert await drafts(database_url) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders.order_lines SET quantity = 2, line_total_minor = 3998",
        "DELETE FROM orders.order_lines",
        "UPDATE orders.orders SET total_minor = 1",
        "UPDATE orders.orders SET cart_id = uuidv7()",
        "DELETE FROM orders.orders",
        "UPDATE orders.order_history SET at = now()",
        "DELETE FROM orders.order_history",
        "INSERT INTO orders.order_history (order_id, status) "
        "SELECT order_id, 'pending' FROM orders.orders",
        "INSERT INTO orders.order_lines SELECT order_id, 'FREE', 2, 'Free', 1, 0, 0 "
        "FROM orders.orders",
        "INSERT INTO orders.orders (customer_id, cart_id, cart_version, currency, total_minor) "
        "VALUES (uuidv7(), uuidv7(), 1, 'EUR', 0)",
        "UPDATE orders.orders SET status = 'draft', payment_id = uuidv7()",
        "UPDATE orders.orders SET status = 'paid'",
        "UPDATE orders.orders SET status = 'fulfilled'",
        "UPDATE orders.orders SET status = 'cancelled', fulfilment_job_id = uuidv7()",
    ],
)
async def test_database_refuses_what_must_not_be(
    service: httpx.AsyncClient, shop: Shop, database_url: str, statement: str
) -> None:
    placed = await order(service, shop, shop.cart(LAMP=1))
    db = await asyncpg.connect(database_url)
    await db.execute("SET ROLE order_app")
    refusals = (asyncpg.InsufficientPrivilegeError, asyncpg.IntegrityConstraintViolationError)
    with pytest.raises(refusals):
        await db.execute(statement)
    await db.close()
    assert (await service.get(placed.headers["location"])).json() == placed.json()


async def test_order_of_nothing_is_paid_as_it_is_placed(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    shop.sell("GIFT", "0.00")
    placed = await order(service, shop, shop.cart(GIFT=2), key="k")
    assert placed.status_code == 201, placed.text
    body = placed.json()
    assert (body["status"], body["total"], body["payment_id"]) == ("paid", "0.00", None)
    assert [entry["status"] for entry in body["history"]] == ["pending", "paid"]
    assert (await service.get(placed.headers["location"])).json() == body
    assert (await listed(service, "status=paid")) == [body]


async def test_database_takes_no_order_of_nothing_that_waits(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    shop.sell("GIFT", "0.00")
    placed = await order(service, shop, shop.cart(GIFT=1))
    db = await asyncpg.connect(database_url)
    await db.execute("SET ROLE order_app")
    for statement in (
        "UPDATE orders.orders SET status = 'pending'",
        "UPDATE orders.orders SET status = 'refunded'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await db.execute(statement)
    await db.close()
    assert (await service.get(placed.headers["location"])).json()["status"] == "paid"


@pytest.mark.parametrize("expected", ["53.48", 53.48, None])
async def test_order_comes_to_the_total_that_was_expected(
    service: httpx.AsyncClient, shop: Shop, expected: object
) -> None:
    placed = await order(service, shop, shop.cart(LAMP=2, CANDLE=3), expected_total=expected)
    assert (placed.status_code, placed.json()["total"]) == (201, "53.48")


async def test_total_that_has_changed_is_asked_about_again(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    cart = shop.cart(LAMP=3)
    shop.sell("LAMP", "34.67")
    refused = await order(service, shop, cart, key="k", expected_total="59.97")
    assert problem(refused) == (409, "total-changed")
    told = refused.json()
    assert (told["expected"], told["total"], told["currency"]) == ("59.97", "104.01", "EUR")
    assert (await drafts(database_url), shop.carts[cart]["order_id"]) == (0, None)
    again = await order(service, shop, cart, key="k", expected_total="59.97")
    assert "idempotent-replayed" not in again.headers
    shop.sell("LAMP", "19.99")
    placed = await order(service, shop, cart, key="k", expected_total="59.97")
    assert (placed.status_code, placed.json()["total"]) == (201, "59.97")


async def test_expected_total_is_looked_at_whenever_the_cart_is(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    """The draft came to what was expected; the cart has changed by the time it is to be closed."""
    cart = shop.cart(LAMP=1)
    additions = iter(["CANDLE"])

    def add_once() -> None:
        for sku in additions:
            shop.add(cart, sku, 1)

    shop.on_checkout = add_once
    refused = await order(service, shop, cart, key="k", expected_total="19.99")
    assert problem(refused) == (409, "total-changed")
    assert (refused.json()["expected"], refused.json()["total"]) == ("19.99", "24.49")
    assert (await drafts(database_url), shop.carts[cart]["order_id"]) == (0, None)
    shop.carts[cart]["items"].pop()
    placed = await order(service, shop, cart, key="k", expected_total="19.99")
    assert (placed.status_code, placed.json()["total"]) == (201, "19.99")


@pytest.mark.parametrize(
    ("expected", "currency"),
    [("19.990", "EUR"), ("500.0", "JPY"), ("-1", "EUR"), ("10000000000", "EUR"), (True, "EUR")],
)
async def test_expected_total_is_an_amount_of_the_currency(
    service: httpx.AsyncClient, shop: Shop, database_url: str, expected: object, currency: str
) -> None:
    shop.sell("THING", "500", currency=currency)
    refused = await order(service, shop, shop.cart(THING=1), expected_total=expected)
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["pointer"] == "#/expected_total"
    assert await drafts(database_url) == 0


async def test_order_of_nothing_may_be_expected(service: httpx.AsyncClient, shop: Shop) -> None:
    shop.sell("GIFT", "0.00")
    cart = shop.cart(GIFT=1)
    assert problem(await order(service, shop, cart, expected_total="1")) == (409, "total-changed")
    assert (await order(service, shop, cart, expected_total=0)).json()["status"] == "paid"
