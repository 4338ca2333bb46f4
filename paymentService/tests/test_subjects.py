"""What customers ask about their personal data: nobody's trouble is another's."""

from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from chassis.subjects import TRIES
from paymentService.tests.support import Shop, pay
from tests.polling import until
from tests.subject_peer import SubjectPeer

# As many cards as an order took before attempts were bounded.
MANY = 20_000

DECLINED = """
INSERT INTO payment.payments (order_id, status, amount_minor, currency, last4)
SELECT $1, 'declined', 2000, 'EUR', '4242' FROM generate_series(1, $2::int)
"""
LAST4 = "SELECT count(*) FROM payment.payments WHERE order_id = $1 AND last4 IS NOT NULL"
# As if the time had come.
SOON = """
UPDATE payment.subject_requests SET attempts = $2, next_attempt_at = now() WHERE number = $1
"""


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def peers(shop: Shop) -> SubjectPeer:
    return SubjectPeer(shop)


@pytest.fixture
def environment() -> dict[str, str]:
    return {}


async def ask(database_url: str, query: str, *args: object) -> Any:
    db = await asyncpg.connect(database_url)
    try:
        return await db.fetchval(query, *args)
    finally:
        await db.close()


async def erased(database_url: str, order_id: object) -> None:
    await until(lambda: ask(database_url, LAST4, order_id), lambda left: left == 0, seconds=30)


@pytest.mark.usefixtures("service")
async def test_a_large_export_comes_in_pages_and_lets_others_by(
    peers: SubjectPeer, database_url: str
) -> None:
    large, small = uuid4(), uuid4()
    await ask(database_url, DECLINED, large, MANY)
    await ask(database_url, DECLINED, small, 3)
    export = peers.ask("export", large)

    async def begun() -> int:
        return len(peers.pages(export))

    await until(begun, lambda pages: pages >= 2)
    other = peers.ask("export", small)
    peers.ask("erasure", small)
    await erased(database_url, small)
    assert not peers.pages(export)[-1]["last"], "the large one was waited for"

    async def complete() -> bool:
        return bool(peers.pages(export)[-1]["last"])

    await until(complete, seconds=30)
    pages = peers.pages(export)
    assert [part["page"] for part in pages] == list(range(len(pages)))
    assert [part["last"] for part in pages] == [False] * (len(pages) - 1) + [True]
    assert max(len(part["held"]) for part in pages) <= 500
    told = [payment["payment_id"] for part in pages for payment in part["held"]]
    assert len(set(told)) == len(told) == MANY
    assert [part["last"] for part in peers.pages(other)] == [True]


@pytest.mark.usefixtures("service")
async def test_a_large_erasure_is_done_to_its_end(peers: SubjectPeer, database_url: str) -> None:
    large = uuid4()
    await ask(database_url, DECLINED, large, MANY)
    peers.ask("erasure", large)
    await erased(database_url, large)


async def test_an_export_that_fails_stops_nobody_and_is_given_up(
    service: httpx.AsyncClient, peers: SubjectPeer, database_url: str
) -> None:
    theirs, other = uuid4(), uuid4()
    for order_id in (theirs, other):
        await ask(database_url, DECLINED, order_id, 1)
    failing = peers.ask("export", theirs)
    peers.refused.add(failing)
    peers.ask("erasure", other)
    last = peers.ask("export", theirs)
    await erased(database_url, other)

    async def brought() -> list[dict[str, Any]]:
        return peers.pages(last)

    (part,) = await until(brought)
    assert [payment["order_id"] for payment in part["held"]] == [str(theirs)]

    async def parked() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await service.get("/parked")).json()["items"]
        return items

    async def turned_away() -> int:
        return peers.turned_away

    assert await parked() == []
    await until(turned_away, lambda times: times == 1)
    await ask(database_url, SOON, failing, TRIES - 1)
    await until(turned_away, lambda times: times == 2)
    (item,) = await until(parked)
    assert item["about"] == f"export {failing} of personal data"
    # It is not tried any more, unless a person says so.
    peers.refused.clear()
    await ask(database_url, SOON, failing, TRIES)
    assert (await service.post(f"/parked/{item['item_id']}/retry")).status_code == 200
    await until(parked, lambda items: items == [])

    async def late() -> list[dict[str, Any]]:
        return peers.pages(failing)

    assert len(await until(late)) == 1


@pytest.mark.usefixtures("service")
async def test_an_erasure_is_never_given_up(peers: SubjectPeer, database_url: str) -> None:
    order_id = uuid4()
    await ask(database_url, DECLINED, order_id, 1)
    number = peers.ask("erasure", order_id)
    await erased(database_url, order_id)
    # Something is written just after; and it was tried in vain for a long time.
    await ask(database_url, DECLINED, order_id, 1)
    await ask(database_url, SOON, number, 40)
    await erased(database_url, order_id)


@pytest.mark.usefixtures("service")
async def test_an_erasure_ends(peers: SubjectPeer, database_url: str) -> None:
    number = peers.ask("erasure", uuid4())
    known = "SELECT count(*) FROM payment.subject_requests"
    await until(lambda: ask(database_url, known))
    old = """
    UPDATE payment.subject_requests
       SET created_at = now() - interval '121 seconds', next_attempt_at = now() WHERE number = $1
    """
    await ask(database_url, old, number)
    left = "SELECT count(*) FROM payment.subject_requests WHERE open"
    await until(lambda: ask(database_url, left), lambda count: count == 0)


async def test_an_outcome_that_comes_late_tells_nothing_of_an_erased_customer(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    gone, stays = uuid4(), uuid4()
    long_ago = """
    INSERT INTO payment.subject_requests (number, kind, subject, things, created_at)
    VALUES (1, $2, $1, '{}', now() - interval '1 day')
    """
    await ask(database_url, long_ago, gone, "erasure")
    for customer_id, last4 in ((gone, None), (stays, "4242")):
        order_id = shop.place()
        shop.orders[order_id]["customer_id"] = str(customer_id)
        paid = await pay(service, order_id)
        assert (paid.status_code, paid.json()["method"]["last4"]) == (201, last4)
        path = f"/payments/{paid.json()['payment_id']}/refunds"
        refund = await service.post(path, json={"amount": "1.00", "reason": "Ada moved"})
        assert (refund.status_code, refund.json()["reason"]) == (201, last4 and "Ada moved")
