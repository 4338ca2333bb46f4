"""What the warehouse's tests share: its calls by name, and its invariants by SQL."""

from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.polling import until

# Each returns the rows that break it.
INVARIANTS = {
    "movements add up to what is on hand": """
        SELECT sku, on_hand, coalesce(sum(delta), 0) AS moved
          FROM warehouse.stock LEFT JOIN warehouse.movements USING (sku)
         GROUP BY sku HAVING on_hand <> coalesce(sum(delta), 0)""",
    "held reservations add up to what is reserved": """
        SELECT stock.sku, reserved, coalesce(sum(quantity), 0) AS held
          FROM warehouse.stock
          LEFT JOIN (warehouse.reservation_items JOIN warehouse.reservations USING (reservation_id))
            ON reservation_items.sku = stock.sku AND status = 'held' AND counted
         GROUP BY stock.sku HAVING reserved <> coalesce(sum(quantity), 0)""",
    "reserved is between none and all of what is on hand": """
        SELECT * FROM warehouse.stock WHERE reserved < 0 OR reserved > on_hand""",
    "goods have left for each committed reservation, and for no other": """
        SELECT reservation_id, sku, status, sum(delta) AS moved
          FROM warehouse.reservation_items JOIN warehouse.reservations USING (reservation_id)
          LEFT JOIN warehouse.movements USING (sku)
         WHERE counted AND (reference = reservation_id OR reference IS NULL)
         GROUP BY reservation_id, sku, status, quantity
        HAVING coalesce(sum(delta) FILTER (WHERE reference = reservation_id), 0)
               <> CASE WHEN status = 'committed' THEN -quantity ELSE 0 END""",
}


async def audit(database_url: str) -> None:
    """Every invariant holds in this instant."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for rule, query in INVARIANTS.items():
                assert await connection.fetch(query) == [], rule
    finally:
        await connection.close()


async def run(database_url: str, statement: str, *arguments: object) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def overdue(database_url: str, reservation_id: str) -> None:
    """Let a reservation's time be up."""
    await run(
        database_url,
        "UPDATE warehouse.reservations SET expires_at = now() WHERE reservation_id = $1",
        UUID(reservation_id),
    )


async def put(service: httpx.AsyncClient, sku: str, quantity: int) -> httpx.Response:
    return await service.put(f"/stock/{sku}", json={"quantity": quantity})


async def stock_of(service: httpx.AsyncClient, sku: str) -> tuple[int, int, int]:
    """On hand, reserved, available."""
    stock = (await service.get(f"/stock/{sku}")).json()
    return stock["on_hand"], stock["reserved"], stock["available"]


async def reserve(
    service: httpx.AsyncClient,
    items: dict[str, int] | list[dict[str, object]],
    reservation_id: str = "",
    **members: object,
) -> httpx.Response:
    if isinstance(items, dict):
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in items.items()]
    asked = {"reservation_id": reservation_id or str(uuid4()), "items": items, **members}
    return await service.post("/reservations", json=asked)


async def move(service: httpx.AsyncClient, reservation_id: str, how: str) -> httpx.Response:
    """`how` is commit, release or return."""
    return await service.post(f"/reservations/{reservation_id}/{how}")


async def status_of(service: httpx.AsyncClient, reservation_id: str) -> str:
    return str((await service.get(f"/reservations/{reservation_id}")).json()["status"])


async def until_stock_is(
    service: httpx.AsyncClient, sku: str, expected: tuple[int, int, int]
) -> None:
    await until(lambda: stock_of(service, sku), lambda found: found == expected)
