"""What happens to a cart or to its products while an order is made of it."""

from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.faults.races.crowd import Crowd, problem, take_turns
from tests.faults.races.sizes import Sizes
from tests.shop import unique

CLICKS = 50


def lines_of(order: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in order["lines"]}


async def test_impatient_clicks_make_one_order(shop: Crowd, sizes: Sizes) -> None:
    sku, customer_id = await shop.product(), await shop.customer()

    async def turn() -> None:
        cart_id = await shop.cart({sku: 1})
        answers = await shop.race(*(shop.place(customer_id, cart_id) for _ in range(CLICKS)))
        (placed,) = [answer.json() for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code == 409]
        assert len(refused) == CLICKS - 1
        assert {problem(answer) for answer in refused} == {"cart-checked-out"}
        assert {answer.json()["order_id"] for answer in refused} == {placed["order_id"]}

    await take_turns("Clicks", max(1, sizes.turns // 4), turn)


class Change(NamedTuple):
    """What is asked of a cart with a mug and a tea, and what is in it then."""

    method: str
    path: str
    body: dict[str, Any] | None
    after: dict[str, int]


def changes(mug: str, tea: str, jam: str) -> dict[str, Change]:
    more, another = {"sku": tea, "quantity": 2}, {"sku": jam, "quantity": 1}
    return {
        "more": Change("POST", "/items", more, {mug: 1, tea: 3}),
        "another": Change("POST", "/items", another, {mug: 1, tea: 1, jam: 1}),
        "set": Change("PUT", f"/items/{tea}", {"quantity": 5}, {mug: 1, tea: 5}),
        "less": Change("DELETE", f"/items/{tea}", None, {mug: 1}),
    }


@pytest.mark.parametrize("what", ["more", "another", "set", "less"])
async def test_what_was_acknowledged_is_in_the_order(shop: Crowd, sizes: Sizes, what: str) -> None:
    """Or else it is refused, because the order was quicker."""
    mug, tea, jam = [await shop.product() for _ in range(3)]
    before, change = {mug: 1, tea: 1}, changes(mug, tea, jam)[what]
    customer_id = await shop.customer()

    async def turn() -> None:
        cart_id = await shop.cart(before)
        path, key = f"/carts/{cart_id}{change.path}", unique("change")
        placed, changed = await shop.race(
            shop.place(customer_id, cart_id),
            shop.insist("cart", change.method, path, change.body, key=key),
        )
        assert placed.status_code == 201, placed.text
        order = placed.json()
        if changed.is_success:
            assert lines_of(order) == change.after
        else:
            assert problem(changed) == "cart-checked-out"
            assert changed.json()["order_id"] == order["order_id"]
            assert lines_of(order) == before
        assert await shop.get("order", f"/orders/{order['order_id']}") == order

    await take_turns(f"Item: {what}", sizes.turns, turn)


async def test_deleted_cart_or_an_order_of_it(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    sku, customer_id = await shop.product(), await shop.customer()
    count = "SELECT count(*) FROM orders.orders WHERE cart_id = $1 AND status <> 'draft'"

    async def turn() -> None:
        cart_id = await shop.cart({sku: 1})
        placed, deleted = await shop.race(
            shop.place(customer_id, cart_id), shop.insist("cart", "DELETE", f"/carts/{cart_id}")
        )
        answers = (problem(placed), problem(deleted))
        assert answers in [("unknown-cart", ""), ("", "cart-checked-out")]
        assert await books.fetchval(count, UUID(cart_id)) == int(placed.is_success)

    await take_turns("Deletions", sizes.turns, turn)


@pytest.mark.parametrize("ordered", ["into", "from"])
async def test_merged_items_are_in_one_cart_only(shop: Crowd, sizes: Sizes, ordered: str) -> None:
    """The cart that is ordered is the one merged into, or the one merged from."""
    mug, tea = await shop.product(), await shop.product()
    customer_id = await shop.customer()

    async def turn() -> None:
        into, other = await shop.cart({mug: 1}), await shop.cart({tea: 1})
        cart_id, kept = (into, {mug: 1}) if ordered == "into" else (other, {tea: 1})
        placed, merged = await shop.race(
            shop.place(customer_id, cart_id),
            shop.insist(
                "cart", "POST", f"/carts/{into}/merge", {"from_cart_id": other}, key=unique("merge")
            ),
        )
        if not merged.is_success:
            assert problem(merged) == "cart-checked-out"
            assert lines_of(placed.json()) == kept
        elif ordered == "into":
            assert lines_of(placed.json()) == {mug: 1, tea: 1}
        else:
            assert problem(placed) == "empty-cart"
        held = [item for each in (into, other) for item in await items_of(shop, each)]
        assert sorted(held) == sorted([(mug, 1), (tea, 1)])

    await take_turns(f"Merged {ordered}", sizes.turns, turn)


async def items_of(shop: Crowd, cart_id: str) -> list[tuple[str, int]]:
    cart = await shop.get("cart", f"/carts/{cart_id}")
    return [(item["sku"], item["quantity"]) for item in cart["items"]]


async def test_price_is_one_of_its_time(shop: Crowd, sizes: Sizes) -> None:
    """Two changes while the order is made: it has one of the three prices, the same all through."""
    customer_id = await shop.customer()

    async def turn() -> None:
        sku = await shop.product(price="10.00")
        cart_id = await shop.cart({sku: 3})

        async def reprice() -> httpx.Response:
            await shop.insist("product_catalogue", "PATCH", f"/products/{sku}", {"price": "11.00"})
            return await shop.insist(
                "product_catalogue", "PATCH", f"/products/{sku}", {"price": "12.00"}
            )

        placed, repriced = await shop.race(shop.place(customer_id, cart_id), reprice())
        assert repriced.is_success
        order = placed.json()
        (line,) = order["lines"]
        totals = {"10.00": "30.00", "11.00": "33.00", "12.00": "36.00"}
        assert totals[line["unit_price"]] == line["line_total"] == order["total"]
        assert await shop.get("order", f"/orders/{order['order_id']}") == order
        later = await shop.place(customer_id, await shop.cart({sku: 3}))
        assert later.json()["total"] == "36.00"

    await take_turns("Prices", sizes.turns, turn)


async def test_withdrawn_product_is_ordered_or_refused(shop: Crowd, sizes: Sizes) -> None:
    mug, customer_id = await shop.product(), await shop.customer()

    async def turn() -> None:
        tea = await shop.product(stock=None)
        cart_id = await shop.cart({mug: 1, tea: 2})
        placed, withdrawn = await shop.race(
            shop.place(customer_id, cart_id),
            shop.insist("product_catalogue", "DELETE", f"/products/{tea}"),
        )
        assert withdrawn.status_code == 204
        if placed.is_success:
            assert lines_of(placed.json()) == {mug: 1, tea: 2}
            return
        assert (problem(placed), placed.json()["skus"]) == ("unknown-sku", [tea])
        assert (await shop.get("cart", f"/carts/{cart_id}"))["status"] == "open"
        assert problem(await shop.place(customer_id, cart_id)) == "unknown-sku"

    await take_turns("Withdrawals", sizes.turns, turn)
