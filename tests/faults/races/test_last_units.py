"""Many buyers, few units: exactly those are sold, and who gets none has paid nothing."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx

from fleet.replay.progress import Progress
from tests.faults.races.crowd import Crowd, problem
from tests.faults.races.ledger import kept
from tests.faults.races.sizes import Sizes
from tests.shop import unique

UNITS = 10
FEW = 3


async def test_exactly_as_many_are_sold_as_there_are(shop: Crowd, sizes: Sizes) -> None:
    progress = Progress("Rounds", sizes.rounds)
    for _ in range(sizes.rounds):
        sku = unique("LAST")
        await shop.insist("warehouse", "PUT", f"/stock/{sku}", {"quantity": UNITS})
        answers = await asyncio.gather(*(reserve(shop, sku) for _ in range(sizes.buyers)))
        won = [answer.json()["reservation_id"] for answer in answers if answer.is_success]
        lost = [answer.json() for answer in answers if not answer.is_success]
        assert (len(won), len(lost)) == (UNITS, sizes.buyers - UNITS)
        assert {refusal["type"] for refusal in lost} == {"/problems/insufficient-stock"}
        assert all(
            refusal["shortages"] == [{"sku": sku, "requested": 1, "available": 0}]
            for refusal in lost
        )
        commits = [f"/reservations/{reservation_id}/commit" for reservation_id in won]
        await asyncio.gather(*(shop.insist("warehouse", "POST", path) for path in commits))
        left = await shop.get("warehouse", f"/stock/{sku}")
        assert (left["on_hand"], left["reserved"]) == (0, 0)
        progress.advance()


async def reserve(shop: Crowd, sku: str) -> httpx.Response:
    body = {"reservation_id": str(uuid4()), "items": [{"sku": sku, "quantity": 1}]}
    return await shop.insist("warehouse", "POST", "/reservations", body)


async def test_who_gets_none_has_paid_nothing(
    shop: Crowd, sizes: Sizes, books: asyncpg.Pool
) -> None:
    progress = Progress("Purchases", sizes.purchase_rounds * sizes.purchases)
    customer_id = await shop.customer()
    for _ in range(sizes.purchase_rounds):
        sku = await shop.product(price="10.00", stock=FEW)

        async def buy(sku: str = sku) -> bool:
            cart_id = await shop.cart({sku: 1})
            order = (await shop.place(customer_id, cart_id)).json()
            assert (await shop.charge(order)).json()["status"] == "captured"
            shipped = await ship_or_cancel(shop, order["order_id"])
            assert await kept(books, order["order_id"]) == (1000 if shipped else 0)
            progress.advance()
            return shipped

        outcomes = await asyncio.gather(*(buy() for _ in range(sizes.purchases)))
        assert sum(outcomes) == FEW
        left = await shop.get("warehouse", f"/stock/{sku}")
        assert (left["on_hand"], left["reserved"]) == (0, 0)


async def ship_or_cancel(shop: Crowd, order_id: str) -> bool:
    """True when it is on its way; else it is cancelled, and its money is back."""
    path = f"/orders/{order_id}"
    await shop.until("order", path, status="paid")
    fulfilled = await shop.fulfil(order_id)
    if fulfilled.is_success:
        await shop.until("order", path, status="fulfilled")
        return True
    assert problem(fulfilled) == "insufficient-stock"
    assert (await shop.cancel(order_id)).status_code == 200
    await shop.until("order", path, status="refunded")
    return False
