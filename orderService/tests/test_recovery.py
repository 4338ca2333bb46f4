"""What was cut off while an order was placed: finished, or gone, whoever comes next."""

from collections.abc import Callable

import asyncpg
import httpx
import pytest

from conftest import metric
from orderService.tests.shop import Shop, drafts, listed, order, problem
from tests.polling import until


@pytest.fixture(params=["asked", "answered"])
def cut_off(request: pytest.FixtureRequest, shop: Shop) -> Callable[[bool], None]:
    """Cuts the checkout off: before the cart hears of it, or before we hear of it."""

    def cut(now: bool) -> None:
        shop.lost_answers = now and request.param == "answered"
        shop.down = {"checkout"} if now and request.param == "asked" else set()

    return cut


async def cut_order(service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]) -> str:
    """A cart whose order, with the key "cut", was cut off. Nothing is, from now on."""
    cart = shop.cart(LAMP=1)
    cut_off(True)
    await order(service, shop, cart, key="cut")
    cut_off(False)
    return cart


async def test_retry_goes_on_after_a_cut(
    service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]
) -> None:
    cart = shop.cart(LAMP=1)
    cut_off(True)
    assert problem(await order(service, shop, cart, key="k")) == (503, "dependency-unavailable")
    assert await listed(service) == []
    cut_off(False)
    placed = await order(service, shop, cart, key="k")
    assert placed.status_code == 201
    assert [found["order_id"] for found in await listed(service)] == [placed.json()["order_id"]]
    assert shop.carts[cart]["order_id"] == placed.json()["order_id"]


async def test_key_follows_its_latest_draft(service: httpx.AsyncClient, shop: Shop) -> None:
    """Cut off, begun anew because the cart had changed, and cut off again."""
    cart = shop.cart(LAMP=1)
    shop.down = {"checkout"}
    assert (await order(service, shop, cart, key="k")).status_code == 503
    shop.add(cart, "CANDLE", 1)
    shop.down, shop.lost_answers = set(), True
    assert (await order(service, shop, cart, key="k")).status_code == 503
    shop.lost_answers = False
    placed = await order(service, shop, cart, key="k")
    assert (placed.status_code, placed.json()["total"]) == (201, "24.49")


async def test_anyone_finishes_what_was_cut(
    service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]
) -> None:
    cart = await cut_order(service, shop, cut_off)
    other = await order(service, shop, cart, key="other")
    assert problem(other) == (409, "cart-checked-out")
    assert [found["order_id"] for found in await listed(service)] == [other.json()["order_id"]]
    late = await order(service, shop, cart, key="cut")
    assert (late.status_code, late.json()["order_id"]) == (201, other.json()["order_id"])


async def test_sweep_finishes_an_order_of_nothing_as_paid(
    service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]
) -> None:
    shop.sell("LAMP", "0.00")
    cart = await cut_order(service, shop, cut_off)
    found = (await until(lambda: listed(service), seconds=20))[0]
    assert (found["status"], found["payment_id"]) == ("paid", None)
    assert [entry["status"] for entry in found["history"]] == ["pending", "paid"]
    late = await order(service, shop, cart, key="cut")
    assert (late.status_code, late.json()) == (201, found)


async def test_sweep_finishes_what_was_cut(
    service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]
) -> None:
    cart = await cut_order(service, shop, cut_off)
    found = (await until(lambda: listed(service), seconds=20))[0]
    assert (found["status"], found["order_id"]) == ("pending", shop.carts[cart]["order_id"])
    late = await order(service, shop, cart, key="cut")
    assert (late.status_code, late.json()) == (201, found)


async def test_orders_are_counted_once_and_drafts_are_seen(
    service: httpx.AsyncClient, shop: Shop, cut_off: Callable[[bool], None]
) -> None:
    cart = shop.cart(LAMP=1)
    cut_off(True)
    await order(service, shop, cart, key="cut")
    before = await metric(service, "orders_placed_total")
    assert await metric(service, "queue_items", queue="drafts") == 1
    cut_off(False)
    for _ in range(2):
        await order(service, shop, cart, key="cut")
    assert await metric(service, "orders_placed_total") == before + 1


async def test_sweep_goes_on_in_the_trace_that_began(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    """Whether or not there are spans: the logs of both carry its id."""
    cart, trace = shop.cart(LAMP=1), f"00-{'a' * 32}-{'b' * 16}-01"
    shop.down = {"checkout"}
    service.headers.update({"traceparent": trace, "tracestate": "a=1"})
    await order(service, shop, cart, key="cut")
    del service.headers["traceparent"], service.headers["tracestate"]
    shop.traces.clear()
    shop.down = set()
    await until(lambda: listed(service), seconds=20)
    assert shop.traces == [(trace, "a=1")]


async def test_sweep_discards_what_cannot_be(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    changed, deleted = shop.cart(LAMP=1), shop.cart(LAMP=1)
    shop.down = {"checkout"}
    await order(service, shop, changed, key="cut")
    await order(service, shop, deleted)
    assert await drafts(database_url) == 2
    shop.add(changed, "CANDLE", 1)
    del shop.carts[deleted]
    shop.down = set()

    async def discarded() -> bool:
        return await drafts(database_url) == 0

    await until(discarded, seconds=20)
    assert await listed(service) == []
    anew = await order(service, shop, changed, key="cut")
    assert (anew.status_code, anew.json()["total"]) == (201, "24.49")


async def test_key_of_a_discarded_draft_takes_the_refusal(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    """Else it would be told for two days that its first request is still running."""
    cart = shop.cart(LAMP=1)
    shop.down = {"checkout"}
    assert (await order(service, shop, cart, key="cut")).status_code == 503
    del shop.carts[cart]
    shop.down = set()

    async def discarded() -> bool:
        return await drafts(database_url) == 0

    await until(discarded, seconds=20)
    refused = [await order(service, shop, cart, key="cut") for _ in range(2)]
    assert {problem(answer) for answer in refused} == {(422, "unknown-cart")}


async def test_draft_that_nothing_helps_is_parked_and_may_be_tried_anew(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    shop.down = {"checkout"}
    await order(service, shop, shop.cart(LAMP=1))
    db = await asyncpg.connect(database_url)
    assert (await service.get("/parked")).json()["items"] == []
    await db.execute(
        "UPDATE orders.orders SET attempts = 12, next_attempt_at = now() + interval '1 hour'"
    )
    await db.close()
    (parked,) = (await service.get("/parked")).json()["items"]
    assert (parked["sweep"], parked["attempts"]) == ("drafts", 12)
    shop.down = set()
    retried = await service.post(f"/parked/{parked['item_id']}/retry")
    assert (retried.status_code, retried.json()) == (200, parked)
    (found,) = await until(lambda: listed(service), seconds=20)
    assert found["order_id"] == parked["item_id"]
    assert (await service.get("/parked")).json()["items"] == []
    again = await service.post(f"/parked/{parked['item_id']}/retry")
    assert again.status_code == 404


async def test_draft_is_not_shown(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    shop.down = {"checkout"}
    await order(service, shop, shop.cart(LAMP=1))
    db = await asyncpg.connect(database_url)
    draft = await db.fetchval("SELECT order_id FROM orders.orders WHERE status = 'draft'")
    await db.close()
    assert (await service.get(f"/orders/{draft}")).status_code == 404
    assert (await service.post(f"/orders/{draft}/cancel")).status_code == 404
    assert await listed(service, f"customer_id={shop.customer}") == []
