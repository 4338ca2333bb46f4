"""Lists of large orders: a page is bounded by what is in it, and nobody waits for one."""

from uuid import UUID

import asyncpg
import httpx

from orderService.tests.placed import PAYMENT, place
from orderService.tests.shop import Shop

# So many orders, of so many lines each, cancelled after they were paid.
CANCELLED = """
WITH made AS (
    INSERT INTO orders.orders (order_id, customer_id, cart_id, cart_version, status, currency,
                               total_minor, shipping_address, payment_id)
    SELECT uuidv7(), $1, uuidv7(), 1, 'cancelled', 'EUR', $3 * 100,
           jsonb_build_object('line1', repeat('x', 200), 'city', 'Berlin', 'country', 'DE'),
           uuidv7()
      FROM generate_series(1, $2::int)
    RETURNING order_id
), noted AS (
    INSERT INTO orders.order_history (order_id, status) SELECT order_id, 'cancelled' FROM made
)
INSERT INTO orders.order_lines
       (order_id, sku, place, name, quantity, unit_price_minor, line_total_minor)
SELECT order_id, 'SKU-' || n, n, repeat('n', 200), 1, 100, 100
  FROM made, generate_series(1, $3::int) n
"""


async def fill(database_url: str, customer: str, orders: int, lines: int) -> None:
    db = await asyncpg.connect(database_url)
    await db.execute("SET session_replication_role = replica")
    await db.execute(CANCELLED, UUID(customer), orders, lines)
    await db.execute("ANALYZE orders.orders, orders.order_lines")
    await db.close()


async def walk(service: httpx.AsyncClient, query: str) -> list[list[int]]:
    """How many lines each order of each page has."""
    pages, cursor = [], ""
    while cursor is not None:
        page = (await service.get(f"/orders?{query}{cursor and f'&cursor={cursor}'}")).json()
        pages.append([len(order["lines"]) for order in page["items"]])
        cursor = page["next_cursor"]
    return pages


async def test_page_of_large_orders_is_short(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    await fill(database_url, shop.customer, 7, 2000)
    assert await walk(service, "limit=200") == [[2000, 2000], [2000, 2000], [2000, 2000], [2000]]
    assert await walk(service, "limit=1&status=cancelled") == [[2000]] * 7


async def test_order_that_is_longer_than_a_page_is_one(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    await fill(database_url, shop.customer, 1, 5001)
    await fill(database_url, shop.customer, 2, 2500)
    await fill(database_url, shop.customer, 1, 6000)
    assert await walk(service, "limit=200") == [[6000], [2500, 2500], [5001]]


async def test_lines_stay_in_their_places(service: httpx.AsyncClient, shop: Shop) -> None:
    skus = {f"S{9 - number}": 1 for number in range(10)}
    for sku in skus:
        shop.sell(sku, "1.00")
    cart = shop.cart(None, **skus)
    placed = await service.post("/orders", json={"customer_id": shop.customer, "cart_id": cart})
    assert [line["sku"] for line in placed.json()["lines"]] == list(skus)
    assert (await service.get("/orders")).json()["items"] == [placed.json()]


async def test_nobody_waits_for_a_page_of_large_orders(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    """It is the lines that take long to write, and they come to a few at a time."""
    await fill(database_url, shop.customer, 100, 2000)
    page = await service.get(f"/orders?customer_id={shop.customer}&limit=200")
    assert [len(order["lines"]) for order in page.json()["items"]] == [2000, 2000]
    assert len(page.content) < 2_000_000


async def test_large_orders_hide_no_cancelled_payment(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    """Whoever cancels orders of two thousand lines stops nobody's refund."""
    placed = await place(service, shop)
    await placed.pay()
    await placed.cancel()
    await fill(database_url, shop.customer, 60, 2000)
    page = await service.get("/cancelled-payments")
    payments = [item["payment_id"] for item in page.json()["items"]]
    assert (len(payments), payments[-1]) == (61, PAYMENT)
    assert len(page.content) < 16_000
