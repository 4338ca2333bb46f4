"""What is left of an order once its customer is erased, in the answers that are kept above all."""

from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from chassis import schema
from orderService.tests.shop import ADDRESS, Shop, order
from tests.polling import until

KEY = {"Idempotency-Key": "cancel"}
REASON = {"reason": "moved"}

# As a customer's own cancellation was kept before answers named what they are about.
AS_BEFORE = """
UPDATE orders.order_idempotency_keys SET resource_id = NULL, scope = scope || ' ' || $1
 WHERE scope LIKE '%/cancel'
"""
KEPT = """
SELECT string_agg(convert_from(body, 'UTF8'), '') FROM orders.order_idempotency_keys
 WHERE scope LIKE '%/cancel%'
"""


async def cancelled(service: httpx.AsyncClient, shop: Shop) -> str:
    """The path at which an order was cancelled, for a reason."""
    placed = await order(service, shop, shop.cart(LAMP=1), shipping_address=ADDRESS)
    path = f"/orders/{placed.json()['order_id'].upper()}/cancel"
    assert (await service.post(path, json=REASON, headers=KEY)).status_code == 200
    return path


def ask_for_erasure(shop: Shop) -> None:
    shop.asks.append({"number": 1, "kind": "erasure", "subject": shop.customer})


async def ask(database_url: str, query: str, *args: object) -> Any:
    db = await asyncpg.connect(database_url)
    try:
        return await db.fetchval(query, *args)
    finally:
        await db.close()


async def test_a_cancellation_is_repeated_without_what_was_personal(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    path = await cancelled(service, shop)
    ask_for_erasure(shop)

    async def repeated() -> dict[str, Any]:
        again = await service.post(path, json=REASON, headers=KEY)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        body: dict[str, Any] = again.json()
        return body

    left = await until(repeated, lambda body: body["shipping_address"] is None)
    assert left["status"] == "cancelled"
    assert left["history"][-1]["reason"] is None


@pytest.mark.parametrize("late", [False, True], ids=["asked today", "asked of an older version"])
async def test_an_older_versions_answers_are_found(
    service: httpx.AsyncClient, shop: Shop, database_url: str, folder: Path, late: bool
) -> None:
    placed = await order(service, shop, shop.cart(LAMP=1), shipping_address=ADDRESS)
    path = f"/orders/{placed.json()['order_id']}/cancel"
    assert (await service.post(path, json=REASON, headers=KEY)).status_code == 200
    await ask(database_url, AS_BEFORE, shop.customer)
    assert "moved" in await ask(database_url, KEPT)
    if late:
        await ask(
            database_url,
            "INSERT INTO orders.subject_requests VALUES (1, 'erasure', $1, '{}')",
            shop.customer,
        )
        await ask(database_url, "DELETE FROM fleet.schema_versions")
        await schema.apply(database_url, [folder], {})
    else:
        ask_for_erasure(shop)
    left = await until(lambda: ask(database_url, KEPT), lambda text: "moved" not in text)
    assert ADDRESS["line1"] not in left
