"""Hot rows and the lives of orders, changed by what the services themselves run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from cartService.app import carts
from cartService.app.schemas import Offer
from chassis import Address, Preconditions, idempotency
from fulfilmentService.app import jobs
from fulfilmentService.app import orders as asked
from orderService.app import drafts, fulfilment, moves
from orderService.app.quotes import Line, Quote
from orderService.app.schemas import CapturedPayment, JobClaim, JobShipment
from paymentService.app import payments
from paymentService.app.provider import Outcome
from paymentService.app.schemas import NewMethod, NewPayment
from warehouseService.app import reservations, stock
from warehouseService.app.schemas import ItemToReserve, NewReservation

HOT, WORKERS, ITEMS = 1000, 4, 3
# A job is changed five times, an order four times, a payment twice.
STEPS = (
    ("reserved", "hold_order"),
    ("reserved", "commit"),
    ("reserved", "ship"),
    ("shipped", "mark_fulfilled"),
    ("completed", None),
)
KEYS = "orders.order_idempotency_keys"
KEPT = "5 seconds"
HOME = Address(line1="1 Quay Street", city="Cork", postal_code="T12 AB34", country="IE")
ANSWER = b"x" * 600


@dataclass(frozen=True)
class Rows:
    """The hot ones: each cart has one of the SKUs."""

    skus: list[str]
    carts: list[UUID]


async def make(pool: asyncpg.Pool) -> Rows:
    skus = [f"SKU-{number:04d}" for number in range(HOT)]
    async with pool.acquire() as db, db.transaction():
        await stock.count(db, dict.fromkeys(skus, 10**6))
    return Rows(skus, [await _cart(pool, sku) for sku in skus])


async def _cart(pool: asyncpg.Pool, sku: str) -> UUID:
    offer = Offer(sku=sku, name=sku, price=Decimal(1), currency="EUR", active=True)
    async with pool.acquire() as db, db.transaction():
        cart = await carts.create(db, None)
        await carts.add(db, cart.cart_id, offer, 1, None, Preconditions())
    return cart.cart_id


async def change(pool: asyncpg.Pool, rows: Rows, updates: int, seed: int) -> None:
    """So many updates of each hot table, and of jobs: several at a time."""
    rounds = updates // WORKERS // ITEMS
    await asyncio.gather(
        *(_work(pool, rows, rounds, Random(seed * WORKERS + n)) for n in range(WORKERS))
    )


async def _work(pool: asyncpg.Pool, rows: Rows, rounds: int, chance: Random) -> None:
    forget = idempotency.FORGET.format(table=KEYS).replace("48 hours", KEPT)
    for number in range(rounds):
        async with pool.acquire() as db:
            places = chance.sample(range(HOT), ITEMS)
            await _hold_and_release(db, [rows.skus[place] for place in places])
            for place in places:
                await _fill_cart(db, rows.carts[place], rows.skus[place], chance.randrange(1, 900))
            # Three updates of each table above in a round, and five of a job in a life.
            if chance.random() < ITEMS / len(STEPS):
                await _live(db)
            if number % 100 == 0:
                while await db.execute(forget) != "DELETE 0":
                    pass


async def _hold_and_release(db: PoolConnectionProxy, skus: Sequence[str]) -> None:
    items = [ItemToReserve(sku=sku, quantity=1) for sku in skus]
    wanted = NewReservation(reservation_id=uuid4(), items=items)
    async with db.transaction():
        await reservations.reserve(db, wanted)
    async with db.transaction():
        await reservations.release(db, wanted.reservation_id)


async def _fill_cart(db: PoolConnectionProxy, cart_id: UUID, sku: str, quantity: int) -> None:
    """Under a key, as a request does."""
    key = ("POST /orders", str(uuid4()))
    async with db.transaction():
        await db.execute(idempotency.CLAIM.format(table=KEYS), *key, b"", None)
        await carts.set_quantity(db, cart_id, sku, quantity, None, Preconditions())
        await db.execute(idempotency.KEEP.format(table=KEYS), *key, b"", None, 201, "{}", ANSWER)


async def _live(db: PoolConnectionProxy) -> None:
    """An order, from its draft to its parcel."""
    order_id = await db.fetchval("SELECT uuidv7()")
    line = Line("SKU-0001", "Lamp", 1, 100)
    async with db.transaction():
        await drafts.draw_up(db, order_id, Quote(uuid4(), uuid4(), 1, "EUR", [line], HOME))
    await drafts.confirm(db, order_id)
    payment_id = await _paid(db, order_id)
    payment = CapturedPayment(payment_id=payment_id, amount=Decimal(1), currency="EUR")
    await moves.pay(db, order_id, payment)
    goods = [asked.Line(sku=line.sku, quantity=1)]
    order = asked.Order(order_id=order_id, status="paid", has_address=True, lines=goods)
    job, _ = await jobs.begin(db, order)
    for status, step in STEPS:
        if job.next_step == "hold_order":
            claim = JobClaim(job_id=job.job_id, shipment_id=job.shipment_id)
            await fulfilment.hold(db, order_id, claim, require_payment=True)
        elif job.next_step == "mark_fulfilled":
            shipped = JobShipment(job_id=job.job_id, shipment_id=job.shipment_id)
            await fulfilment.ship(db, order_id, shipped)
        job = await jobs.record(db, job, "done", status=status, next_step=step)


async def _paid(db: PoolConnectionProxy, order_id: UUID) -> UUID:
    method = NewMethod.model_validate({"type": "card", "token": "tok_ok"})
    new = NewPayment(order_id=order_id, amount=Decimal(1), currency="EUR", method=method)
    async with db.transaction():
        payment_id = await payments.mint(db, order_id)
        row = await payments.insert(db, payment_id, new, None, 100, 5.0)
    row = await payments.decide(db, row, Outcome("captured", "4242"), 5.0)
    await payments.told(db, row, "captured")
    return payment_id
