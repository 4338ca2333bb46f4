"""Who pays, cancels, ships and gives back at the same time: the money adds up, whoever wins."""

from collections import Counter
from typing import Any

import asyncpg
import pytest

from tests.faults.races.crowd import Crowd, problem, take_turns
from tests.faults.races.ledger import captures, kept
from tests.faults.races.sizes import Sizes

PRICE, STOCK = "20.00", 1_000_000


async def new_order(shop: Crowd, customer_id: str, sku: str) -> dict[str, Any]:
    placed = await shop.place(customer_id, await shop.cart({sku: 1}))
    assert placed.status_code == 201, placed.text
    return dict(placed.json())


async def paid_order(shop: Crowd, customer_id: str, sku: str) -> dict[str, Any]:
    order = await new_order(shop, customer_id, sku)
    assert (await shop.charge(order)).json()["status"] == "captured"
    return dict(await shop.until("order", f"/orders/{order['order_id']}", status="paid"))


async def test_cancel_against_pay(shop: Crowd, sizes: Sizes, books: asyncpg.Pool) -> None:
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()

    async def turn() -> None:
        order = await new_order(shop, customer_id, sku)
        cancelled, paid = await shop.race(shop.cancel(order["order_id"]), shop.charge(order))
        assert cancelled.status_code == 200, cancelled.text
        if paid.is_success:
            payment = f"/payments/{paid.json()['payment_id']}"
            await shop.until("payment", payment, status="refunded")
        else:
            assert problem(paid) == "order-not-payable"
            assert await captures(books, order["order_id"]) == 0
        assert await kept(books, order["order_id"]) == 0

    await take_turns("Cancel, pay", sizes.turns, turn)


async def test_cancel_against_fulfil(shop: Crowd, sizes: Sizes, books: asyncpg.Pool) -> None:
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()
    shipped = Counter[bool]()

    async def turn() -> None:
        order_id = (await paid_order(shop, customer_id, sku))["order_id"]
        cancelled, fulfilled = await shop.race(shop.cancel(order_id), shop.fulfil(order_id))
        answers = (problem(cancelled), problem(fulfilled))
        assert answers in [("", "order-not-fulfillable"), ("order-shipped", "")]
        shipped[fulfilled.is_success] += 1
        status = "fulfilled" if fulfilled.is_success else "refunded"
        await shop.until("order", f"/orders/{order_id}", status=status)
        assert await kept(books, order_id) == (2000 if fulfilled.is_success else 0)

    await take_turns("Cancel, ship", sizes.turns, turn)
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == STOCK - shipped[True]


async def test_refund_against_fulfil(shop: Crowd, sizes: Sizes, books: asyncpg.Pool) -> None:
    """The money goes back either way; the goods go out, or they do not."""
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()
    shipped = Counter[bool]()

    async def turn() -> None:
        order = await paid_order(shop, customer_id, sku)
        order_id = order["order_id"]
        refunded, fulfilled = await shop.race(
            shop.refund(order["payment_id"]), shop.fulfil(order_id)
        )
        assert refunded.status_code == 201, refunded.text
        assert problem(fulfilled) in ("", "order-not-fulfillable")
        shipped[fulfilled.is_success] += 1
        done = await shop.until("order", f"/orders/{order_id}", status="refunded")
        assert (done["shipment_id"] is not None) == fulfilled.is_success
        assert await kept(books, order_id) == 0

    await take_turns("Refund, ship", sizes.turns, turn)
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == STOCK - shipped[True]


@pytest.mark.parametrize(
    ("what", "amount", "most"), [("Parts", {"amount": "5.00"}, 4), ("Wholes", {}, 1)]
)
async def test_refund_against_refund(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool, what: str, amount: dict[str, str], most: int
) -> None:
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()

    async def turn() -> None:
        order = await paid_order(shop, customer_id, sku)
        payment_id = order["payment_id"]
        answers = await shop.race(*(shop.refund(payment_id, **amount) for _ in range(most + 4)))
        told = Counter(problem(answer) for answer in answers)
        assert told == {"": most, "refund-exceeds-payment": 4}
        payment = await shop.until("payment", f"/payments/{payment_id}", status="refunded")
        assert payment["refunded"] == "20.00"
        await shop.until("order", f"/orders/{order['order_id']}", status="refunded")
        assert await kept(books, order["order_id"]) == 0

    await take_turns(what, sizes.turns, turn)


async def test_part_against_whole_refund(shop: Crowd, sizes: Sizes, books: asyncpg.Pool) -> None:
    """A part and the rest: both are given, or the part comes too late."""
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()

    async def turn() -> None:
        order = await paid_order(shop, customer_id, sku)
        payment_id = order["payment_id"]
        rest, part = await shop.race(
            shop.refund(payment_id), shop.refund(payment_id, amount="5.00")
        )
        assert rest.status_code == 201, rest.text
        assert problem(part) in ("", "refund-exceeds-payment")
        assert rest.json()["amount"] == ("15.00" if part.is_success else "20.00")
        await shop.until("order", f"/orders/{order['order_id']}", status="refunded")
        assert await kept(books, order["order_id"]) == 0

    await take_turns("Part, rest", sizes.turns, turn)


async def test_cards_at_the_same_time(shop: Crowd, sizes: Sizes, books: asyncpg.Pool) -> None:
    """Whichever card is quicker, the order is paid once; who is declined does not stand in the
    way."""
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()
    tokens = ("tok_declined", "tok_ok", "tok_ok", "tok_error", "tok_declined")

    async def turn() -> None:
        order = await new_order(shop, customer_id, sku)
        answers = await shop.race(*(shop.charge(order, token) for token in tokens))
        told = Counter(problem(answer) or answer.json()["status"] for answer in answers)
        assert told["captured"] == 1
        assert told.keys() <= {"captured", "declined", "already-paid"}
        (payment_id,) = {
            answer.json()["payment_id"]
            for answer in answers
            if problem(answer) == "already-paid" or answer.json().get("status") == "captured"
        }
        await shop.until(
            "order", f"/orders/{order['order_id']}", status="paid", payment_id=payment_id
        )
        assert await captures(books, order["order_id"]) == 1

    await take_turns("Cards", sizes.turns, turn)


async def test_cancel_against_fulfil_of_nothing(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    """No money is there to tell who has won: the order and the stock agree."""
    sku, customer_id = await shop.product(price="0.00", stock=STOCK), await shop.customer()
    shipped = Counter[bool]()

    async def turn() -> None:
        order = await new_order(shop, customer_id, sku)
        order_id = order["order_id"]
        assert (order["status"], order["payment_id"]) == ("paid", None)
        cancelled, fulfilled, paid = await shop.race(
            shop.cancel(order_id), shop.fulfil(order_id), shop.charge(order)
        )
        answers = (problem(cancelled), problem(fulfilled))
        assert answers in [("", "order-not-fulfillable"), ("order-shipped", "")]
        assert problem(paid) == "nothing-to-pay"
        shipped[fulfilled.is_success] += 1
        status = "fulfilled" if fulfilled.is_success else "cancelled"
        await shop.until("order", f"/orders/{order_id}", status=status)
        assert await captures(books, order_id) == 0

    await take_turns("Gifts", sizes.turns, turn)
    stock = await shop.until("warehouse", f"/stock/{sku}", reserved=0)
    assert stock["on_hand"] == STOCK - shipped[True]


async def test_declined_cards_against_a_good_one(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    """Of thirty cards on one order ten are declined at most, whichever comes first."""
    sku, customer_id = await shop.product(price=PRICE, stock=STOCK), await shop.customer()

    async def turn() -> None:
        order = await new_order(shop, customer_id, sku)
        cards = ["tok_declined"] * 29 + ["tok_ok"]
        answers = await shop.race(*(shop.try_card(order, card) for card in cards))
        told = Counter(problem(answer) or answer.json()["status"] for answer in answers)
        assert told.keys() <= {"declined", "captured", "already-paid", "too-many-attempts"}
        assert told["declined"] <= 10
        assert told["captured"] or told["declined"] == 10
        declined = (
            "SELECT count(*) FROM payment.payments WHERE order_id = $1 AND status = 'declined'"
        )
        assert await books.fetchval(declined, order["order_id"]) == told["declined"]
        assert await captures(books, order["order_id"]) == told["captured"]

    await take_turns("Declines", sizes.turns, turn)
