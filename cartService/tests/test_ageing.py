"""Carts that nobody touches any more are forgotten, and no others."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from cartService.app.ageing import forget_untouched
from chassis.app import load_app

PRODUCT = {"sku": "LAMP", "name": "Lamp", "price": "19.99", "currency": "EUR", "active": True}

# As if this cart had last been changed so many days ago, and looked at by the sweep before.
AGE = """
UPDATE cart.carts
   SET updated_at = now() - make_interval(days => $2),
       touched_at = now() - make_interval(days => $3)
 WHERE cart_id = $1
"""


@pytest.fixture
def peers() -> object:
    return lambda _: httpx.Response(200, json={"items": [PRODUCT]})


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CART_DAYS": "30"}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    db = await asyncpg.connect(database_url)
    yield db
    await db.close()


async def filled(service: httpx.AsyncClient, cart: UUID | None = None) -> UUID:
    cart = cart or uuid4()
    body = {"sku": "LAMP", "quantity": 1}
    assert (await service.post(f"/carts/{cart}/items", json=body)).status_code == 200
    return cart


async def sweep() -> int:
    return await forget_untouched(load_app("cartService").state.context)


async def test_only_what_nobody_touched_and_no_order_took_is_forgotten(
    service: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    untouched, deleted, ordered, used, young = [await filled(service) for _ in range(5)]
    await service.delete(f"/carts/{deleted}")
    await service.put(f"/carts/{ordered}/checkout", json={"order_id": str(uuid4()), "version": 1})
    for cart in (untouched, deleted, ordered):
        await db.execute(AGE, cart, 31, 31)
    await db.execute(AGE, used, 29, 400)
    await db.execute(AGE, young, 29, 29)
    assert (await sweep(), await sweep()) == (3, 0)
    kept = {row["cart_id"] for row in await db.fetch("SELECT cart_id FROM cart.carts")}
    assert kept == {ordered, used, young}
    lines = {row["cart_id"] for row in await db.fetch("SELECT cart_id FROM cart.cartlines")}
    assert lines == kept
    assert (await service.get(f"/carts/{untouched}")).status_code == 404
    again = await service.get(f"/carts/{await filled(service, untouched)}")
    assert again.json()["item_count"] == 1


async def test_cart_in_use_comes_up_again_when_its_time_is_up(
    service: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    cart = await filled(service)
    await db.execute(AGE, cart, 29, 400)
    assert (await sweep(), await sweep()) == (1, 0)
    await db.execute("UPDATE cart.carts SET touched_at = touched_at - interval '2 days'")
    await db.execute("UPDATE cart.carts SET updated_at = touched_at")
    assert await sweep() == 1
    assert (await service.get(f"/carts/{cart}")).status_code == 404


async def test_cart_that_is_changed_at_that_moment_stays(
    service: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    cart = await filled(service)
    await db.execute(AGE, cart, 31, 31)
    async with db.transaction():
        await db.execute("UPDATE cart.carts SET updated_at = now() WHERE cart_id = $1", cart)
        assert await sweep() == 0
    assert await sweep() == 1
    assert (await service.get(f"/carts/{cart}")).status_code == 200


async def test_carts_are_forgotten_in_batches(
    service: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    cart = await filled(service)
    await db.execute(
        "INSERT INTO cart.carts (updated_at, touched_at) "
        "SELECT now() - interval '1 year', '-infinity' FROM generate_series(1, 120)"
    )
    assert [await sweep() for _ in range(4)] == [50, 50, 20, 0]
    assert [row["cart_id"] for row in await db.fetch("SELECT cart_id FROM cart.carts")] == [cart]
