"""Hot rows changed again and again: how large their tables and indexes become, and stay.

    python -m bench.scale.bloat [--updates N]

A thousand carts and a thousand SKUs, changed by what the services themselves run, and idempotency
keys that come, are answered and go, in a PostgreSQL of its own. It is vacuumed as often as one
that has twelve times as much time would be. Fails where a table still grows in the second half.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import asyncpg

from cartService.app import carts
from cartService.app.schemas import Offer
from chassis import idempotency, schema
from fleet.postgres import Postgres
from fleet.services import ROOT
from warehouseService.app import reservations, stock
from warehouseService.app.schemas import Item, NewReservation

HOT, SAMPLES, WORKERS = 1000, 10, 4
KEYS = "orders.order_idempotency_keys"
KEPT = "5 seconds"
ITEMS = 3
ANSWER = b"x" * 600
TABLES = ("warehouse.stock", "cart.carts", "cart.cartlines", KEYS)
# How much larger than half-way a table may be at the end; it breathes from vacuum to vacuum.
STEADY = 1.25

MEASURE = """
SELECT relid::regclass::text AS table, n_live_tup AS rows, n_dead_tup AS dead, n_tup_upd AS updates,
       n_tup_hot_upd AS hot, pg_table_size(relid) AS table_bytes,
       pg_indexes_size(relid) AS index_bytes, autovacuum_count AS vacuums
  FROM pg_stat_user_tables WHERE relid = ANY ($1::text[]::regclass[])
"""


class EagerPostgres(Postgres):
    """Vacuums every five seconds instead of every minute."""

    def _options(self) -> list[str]:
        return [*super()._options(), "-c", "autovacuum_naptime=5s"]


@dataclass(frozen=True)
class Measured:
    table: str
    rows: int
    dead: int
    updates: int
    hot: int
    table_bytes: int
    index_bytes: int
    vacuums: int

    def row(self) -> str:
        share = self.hot / self.updates if self.updates else 0.0
        return (
            f"{self.table:28}{self.updates:9}{share:7.2f}{self.rows:8}{self.dead:8}"
            f"{self.table_bytes / 2**20:8.1f}{self.index_bytes / 2**20:8.1f}{self.vacuums:8}"
        )


HEAD = (
    f"{'':28}{'updates':>9}{'HOT':>7}{'rows':>8}{'dead':>8}{'table':>8}{'index':>8}{'vacuumed':>9}"
)


async def run(dsn: str, updates: int) -> bool:
    """Whether all tables are as large in the end as half-way, about."""
    folders = [ROOT / name for name in ("cartService", "orderService", "warehouseService")]
    await schema.apply(dsn, folders, {})
    pool = await asyncpg.create_pool(dsn, min_size=WORKERS, max_size=WORKERS)
    async with pool:
        skus = [f"SKU-{number:04d}" for number in range(HOT)]
        async with pool.acquire() as db, db.transaction():
            await stock.count(db, dict.fromkeys(skus, 10**6))
        cart_ids = [await _cart(pool, sku) for sku in skus]
        print(HEAD, flush=True)
        half: dict[str, Measured] = {}
        for sample in range(1, SAMPLES + 1):
            await asyncio.gather(*(
                _change(pool, Random(sample * WORKERS + n), skus, cart_ids, updates // SAMPLES)
                for n in range(WORKERS)
            ))  # fmt: skip
            found = {row["table"]: Measured(**row) for row in await pool.fetch(MEASURE, TABLES)}
            for each in found.values():
                print(each.row(), flush=True)
            half = half or (found if sample == SAMPLES // 2 else {})
    return all(_steady(half[table], found[table]) for table in TABLES)


def _steady(half: Measured, end: Measured) -> bool:
    grown = (end.table_bytes + end.index_bytes) / (half.table_bytes + half.index_bytes)
    print(f"{end.table:28} at the end {grown:.2f} times as large as half-way (at most {STEADY})")
    return grown <= STEADY


async def _cart(pool: asyncpg.Pool, sku: str) -> UUID:
    async with pool.acquire() as db, db.transaction():
        cart = await carts.create(db, None)
        await carts.add(
            db,
            cart.cart_id,
            Offer(sku=sku, name=sku, price=Decimal(1), currency="EUR", active=True),
            1,
        )
    return cart.cart_id


async def _change(
    pool: asyncpg.Pool, chance: Random, skus: Sequence[str], cart_ids: Sequence[UUID], updates: int
) -> None:
    """A worker's part of so many updates of each table."""
    claim, keep, forget = (
        text.format(table=KEYS)
        for text in (idempotency.CLAIM, idempotency.KEEP, idempotency.FORGET)
    )
    forget = forget.replace("48 hours", KEPT)
    for number in range(updates // WORKERS // ITEMS):
        async with pool.acquire() as db:
            chosen = chance.sample(range(HOT), ITEMS)
            items = [Item(sku=skus[place], quantity=1) for place in chosen]
            asked = NewReservation(reservation_id=uuid4(), items=items)
            async with db.transaction():
                await reservations.reserve(db, asked)
            async with db.transaction():
                await reservations.release(db, asked.reservation_id)
            for place in chosen:
                async with db.transaction():
                    key = ("POST /orders", str(uuid4()))
                    await db.execute(claim, *key, b"", None)
                    quantity = chance.randrange(1, 900)
                    await carts.set_quantity(db, cart_ids[place], skus[place], quantity)
                    await db.execute(keep, *key, b"", None, 201, "{}", ANSWER)
            if number % 100 == 0:
                while await db.execute(forget) != "DELETE 0":
                    pass


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale.bloat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--updates", type=int, default=200_000, help="of each table")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        postgres = EagerPostgres(Path(folder), durable=False)
        postgres.prepare()
        with postgres.launch() as guard:
            try:
                postgres.wait_until_ready(guard.poll)
                return 0 if asyncio.run(run(postgres.dsn(), options.updates)) else 1
            finally:
                guard.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
