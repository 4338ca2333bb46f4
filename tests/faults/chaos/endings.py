"""How a visit ends, once there is an order: one function an ending, and how often each comes."""

import asyncio
from collections.abc import Awaitable, Callable

from .log import Effect, Reply, Request
from .visit import Order, Visit, money, part_of

Ending = Callable[[Visit, Order], Awaitable[str]]

EITHER_WAY = {"order-not-payable", "already-paid"}
NOT_ANY_MORE = {"order-not-fulfillable"}


async def buy(visit: Visit, order: Order) -> str:
    await visit.pay(order)
    await visit.enter(order, "charge", order["total"])
    return await ship(visit, order)


async def ship(visit: Visit, order: Order) -> str:
    """Out of stock, some people send for more, and others have had enough."""
    job = await visit.fulfil(order)
    if job.problem == "insufficient-stock" and visit.dice.random() < 0.5:
        await restock(visit, job)
        job = await visit.fulfil(order)
    if completed(job):
        if visit.dice.random() < 0.3:
            await visit.dispatch(job)
        return "fulfilled"
    # An attempt of ours that we gave up on may come late, when there is stock again.
    cancelled = await visit.cancel(order, fine={"order-shipped"})
    return "out of stock, cancelled" if cancelled.ok else "fulfilled"


def completed(job: Reply) -> bool:
    return bool(job.ok and job.json["status"] == "completed")


async def restock(visit: Visit, refusal: Reply) -> None:
    for short in refusal.json["shortages"]:
        key, path = visit.step("restock"), f"/stock/{short['sku']}/adjustments"
        body, effect = {"delta": 5, "reason": key}, Effect("adjustment", key)
        await visit.post("warehouse", path, body, key, effect=effect)


async def retry_job(visit: Visit, order: Order) -> str:
    """A failed job is tried again under its own id."""
    await visit.pay(order)
    job = await visit.fulfil(order)
    if job.ok:
        return "fulfilled" if completed(job) else "out of stock, left"
    await restock(visit, job)
    jobs = await visit.get("fulfilment", f"/fulfilments?order_id={order['order_id']}")
    # Another attempt of ours may have begun a job of its own meanwhile.
    fine = {"another-job"}
    path = f"/fulfilments/{jobs['items'][-1]['job_id']}/retry"
    job = await visit.post("fulfilment", path, {}, visit.step("retry"), fine=fine)
    again = job.ok and completed(await visit.finished(job))
    return "fulfilled after a retry" if again else "out of stock, left"


async def refund_part(visit: Visit, order: Order) -> str:
    payment = await visit.pay(order)
    await visit.enter(order, "charge", order["total"])
    shipped = visit.dice.random() < 0.5
    if shipped and await ship(visit, order) != "fulfilled":
        return "out of stock, cancelled"
    part = part_of(order["total"])
    await visit.refund(payment.json["payment_id"], part)
    await visit.enter(order, "refund", part)
    return "fulfilled, refunded in part" if shipped else "paid, refunded in part"


async def refund_all(visit: Visit, order: Order) -> str:
    payment = await visit.pay(order)
    await visit.enter(order, "charge", order["total"])
    if visit.dice.random() < 0.5 and await ship(visit, order) != "fulfilled":
        return "out of stock, cancelled"
    await visit.refund(payment.json["payment_id"], order["total"])
    await visit.enter(order, "refund", order["total"])
    return "refunded"


async def refund_twice(visit: Visit, order: Order) -> str:
    """All of it, by two clerks at once: one of them is refused."""
    payment = await visit.pay(order)
    payment_id, fine = payment.json["payment_id"], {"refund-exceeds-payment"}
    refunds = await asyncio.gather(
        *(visit.refund(payment_id, order["total"], fine=fine) for _ in range(2))
    )
    visit.expect_one(refunds, f"refund of {payment_id}")
    return "refunded"


async def cancel_paid(visit: Visit, order: Order) -> str:
    await visit.pay(order)
    await visit.cancel(order)
    return "paid, cancelled"


async def cancel_unpaid(visit: Visit, order: Order) -> str:
    await visit.cancel(order)
    return "cancelled"


async def cancel_while_paying(visit: Visit, order: Order) -> str:
    await asyncio.gather(visit.pay(order, fine=EITHER_WAY), visit.cancel(order))
    return "cancelled while paying"


async def cancel_while_shipping(visit: Visit, order: Order) -> str:
    await visit.pay(order)
    job, _ = await asyncio.gather(
        visit.fulfil(order, fine=NOT_ANY_MORE), visit.cancel(order, fine={"order-shipped"})
    )
    return "fulfilled" if completed(job) else "paid, cancelled"


async def pay_twice(visit: Visit, order: Order) -> str:
    """In two windows at once: one of them captures."""
    payments = await asyncio.gather(*(visit.pay(order, fine=EITHER_WAY) for _ in range(2)))
    visit.expect_one(payments, f"payment of {order['order_id']}")
    return await ship(visit, order)


async def leave(visit: Visit, order: Order) -> str:
    await visit.get("order", f"/orders/{order['order_id']}")
    return "left unpaid"


async def vanish(visit: Visit, order: Order) -> str:
    """Sends a payment off, and never learns what came of it."""
    body = {**money(order), "method": {"type": "card", "token": "tok_ok"}}
    effect = Effect("payment", order["order_id"])
    request = Request("POST", "payment", "/payments", body, visit.step("pay"), effect)
    await visit.caller.glance(request, visit.dice.uniform(0.005, 0.1))
    return "vanished while paying"


OFTEN: dict[Ending, int] = {
    buy: 40,
    retry_job: 5,
    refund_part: 10,
    refund_all: 8,
    refund_twice: 4,
    cancel_paid: 7,
    cancel_unpaid: 5,
    cancel_while_paying: 6,
    cancel_while_shipping: 6,
    pay_twice: 4,
    leave: 3,
    vanish: 4,
}


async def end(visit: Visit, order: Order) -> str:
    """What became of the visit, in a few words."""
    (ending,) = visit.dice.choices(list(OFTEN), list(OFTEN.values()))
    outcome = await ending(visit, order)
    await visit.get("order", f"/orders/{order['order_id']}")
    return outcome
