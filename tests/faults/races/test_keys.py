"""The same request many times at once: one key, one effect, and every answer the same bytes."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg

from fleet.replay.crowd import at_once
from fleet.replay.progress import Progress
from tests.faults.races.crowd import Crowd
from tests.faults.races.ledger import captures
from tests.faults.races.sizes import Sizes
from tests.shop import unique

Thing = TypeVar("Thing")

KEYS_AT_ONCE = 10
# Of each kind: of ten keys, so many.
ORDERS, PAYMENTS, ADDITIONS, ADJUSTMENTS = 1, 1, 4, 4
# So many keys add to the same cart, or adjust the same stock.
SHARING = 10


@dataclass(frozen=True)
class Submit:
    """One request, as it is sent again and again."""

    service: str
    path: str
    body: dict[str, Any]
    key: str


@dataclass(frozen=True)
class Shelf:
    """What the submits are about: each cart to order and each order to pay is for one key."""

    sku: str
    customer_id: str
    carts_to_order: list[str]
    orders_to_pay: list[dict[str, Any]]
    carts_to_fill: list[str]
    skus_to_count: list[str]

    def submits(self) -> Iterator[Submit]:
        for cart_id in self.carts_to_order:
            order = {"customer_id": self.customer_id, "cart_id": cart_id}
            yield Submit("order", "/orders", order, unique("order"))
        for order in self.orders_to_pay:
            payment = {
                "order_id": order["order_id"],
                "amount": order["total"],
                "currency": order["currency"],
                "method": {"type": "card", "token": "tok_ok"},
            }
            yield Submit("payment", "/payments", payment, unique("pay"))
        for cart_id in self.carts_to_fill * SHARING:
            item = {"sku": self.sku, "quantity": 1}
            yield Submit("cart", f"/carts/{cart_id}/items", item, unique("add"))
        for sku in self.skus_to_count * SHARING:
            found = {"delta": 1, "reason": "found one more"}
            yield Submit("warehouse", f"/stock/{sku}/adjustments", found, unique("adjust"))


async def prepare(shop: Crowd, keys: int) -> Shelf:
    sku, customer_id = await shop.product(), await shop.customer()
    tenth = keys // 10

    async def order() -> dict[str, Any]:
        return dict((await shop.place(customer_id, await shop.cart({sku: 1}))).json())

    return Shelf(
        sku,
        customer_id,
        carts_to_order=await make(ORDERS * tenth, lambda: shop.cart({sku: 1})),
        orders_to_pay=await make(PAYMENTS * tenth, order),
        carts_to_fill=[str(uuid4()) for _ in range(ADDITIONS * tenth // SHARING)],
        skus_to_count=await make(ADJUSTMENTS * tenth // SHARING, lambda: shop.product(stock=0)),
    )


async def make(many: int, thing: Callable[[], Awaitable[Thing]]) -> list[Thing]:
    made: list[Thing] = []

    async def one(_: int) -> None:
        made.append(await thing())

    await at_once(KEYS_AT_ONCE, one, deque(range(many)))
    return made


async def test_one_key_one_effect_and_the_same_bytes(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    shelf = await prepare(shop, sizes.keys)
    submits = list(shelf.submits())
    assert len(submits) == sizes.keys
    random.shuffle(submits)
    progress = Progress("Submits", sizes.keys * sizes.submits_a_key)
    shop.told.clear()

    async def submit(one: Submit) -> None:
        await check_answers(shop, one, sizes.submits_a_key)
        progress.advance(sizes.submits_a_key)

    await at_once(KEYS_AT_ONCE, submit, deque(submits))
    # Else only 503, and both only with the time after which to come back: see `insist`.
    refusals = {told for told in shop.told if told[0] not in (200, 201, 503)}
    assert refusals <= {(409, "idempotency-in-progress")}
    await check_effects(shop, shelf, books)


async def check_answers(shop: Crowd, one: Submit, times: int) -> None:
    """All but one at once, and one when they are done."""

    async def send() -> Any:
        return await shop.insist(one.service, "POST", one.path, one.body, key=one.key)

    answers = [*await asyncio.gather(*(send() for _ in range(times - 1))), await send()]
    assert {answer.is_success for answer in answers} == {True}, Counter(
        answer.text for answer in answers
    )
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) <= 1


async def check_effects(shop: Crowd, shelf: Shelf, books: asyncpg.Pool) -> None:
    carts = [UUID(cart_id) for cart_id in shelf.carts_to_order]
    placed = "SELECT count(*) FROM orders.orders WHERE cart_id = ANY ($1) AND status = 'pending'"
    assert await books.fetchval(placed, carts) == len(carts)
    for order in shelf.orders_to_pay:
        assert await captures(books, order["order_id"]) == 1
    for cart_id in shelf.carts_to_fill:
        cart = await shop.get("cart", f"/carts/{cart_id}")
        assert [item["quantity"] for item in cart["items"]] == [SHARING]
    for sku in shelf.skus_to_count:
        assert (await shop.get("warehouse", f"/stock/{sku}"))["on_hand"] == SHARING
