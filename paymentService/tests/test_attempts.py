"""Cards that are tried on one order: ten may be declined within an hour."""

import asyncio
from collections import Counter

import httpx
import pytest

from paymentService.tests.support import Books, Shop, pay, until_payment

pytestmark = pytest.mark.usefixtures("books")

DECLINED = "tok_declined"

AGE = "UPDATE payment.payments SET updated_at = updated_at - interval '59 minutes'"
DECLINES = "SELECT count(*) FROM payment.payments WHERE status = 'declined'"


async def decline(service: httpx.AsyncClient, order_id: str, times: int) -> None:
    for _ in range(times):
        assert (await pay(service, order_id, DECLINED)).json()["status"] == "declined"


async def test_tenth_declined_card_is_the_last_of_the_hour(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id, other = shop.place(), shop.place()
    await decline(service, order_id, 10)
    for token in (DECLINED, "tok_ok"):
        refused = await pay(service, order_id, token, key=token)
        assert (refused.status_code, refused.json()["type"]) == (
            429,
            "/problems/too-many-attempts",
        )
        assert 3590 <= int(refused.headers["retry-after"]) <= 3600
    assert (await pay(service, other)).json()["status"] == "captured"
    await books.fetch(AGE)
    later = await pay(service, order_id, key="tok_ok")
    assert 50 <= int(later.headers["retry-after"]) <= 60
    await books.fetch(AGE)
    paid = await pay(service, order_id, key="tok_ok")
    assert (paid.status_code, paid.json()["status"]) == (201, "captured")


async def test_hour_slides(service: httpx.AsyncClient, shop: Shop, books: Books) -> None:
    order_id = shop.place()
    await decline(service, order_id, 4)
    await books.fetch(AGE)
    await books.fetch(AGE)
    await decline(service, order_id, 10)
    assert (await pay(service, order_id)).status_code == 429


async def test_cards_at_once_are_not_declined_more_often(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    order_id = shop.place()
    await decline(service, order_id, 7)
    answers = await asyncio.gather(*(pay(service, order_id, DECLINED) for _ in range(30)))
    told = Counter(answer.status_code for answer in answers)
    # Those that waited for others too long were told to come back.
    assert told.keys() <= {201, 409, 429}
    assert told[201] == 3
    assert (await books.fetch(DECLINES))[0]["count"] == 10


async def test_card_that_is_not_decided_yet_is_waited_for(
    service: httpx.AsyncClient, shop: Shop, books: Books
) -> None:
    """It may become the tenth, or pay the order: only then is known what the next one is told."""
    order_id = shop.place()
    await decline(service, order_id, 9)
    held = await books.payment(order_id, "processing", token="tok_ok")
    waiting = asyncio.create_task(pay(service, order_id))
    await until_payment(service, held, "captured")
    assert (await waiting).json()["type"] == "/problems/already-paid"
