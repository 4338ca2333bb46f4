"""Whatever is cut off, wherever: each job is finished or undone, and nothing happens twice."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import asyncpg
import httpx
import pytest

from conftest import metric
from fulfilmentService.app import driver
from fulfilmentService.app.main import app
from fulfilmentService.tests.support import (
    Killed,
    Shop,
    fulfil,
    jobs_of,
    let_leases_run_out,
    newest_job,
    only_job_of,
    run,
    until_final,
)
from tests.polling import until


def ships(shop: Shop) -> None:
    """Nothing is in the way."""


def lacks_stock(shop: Shop) -> None:
    shop.on_hand["CANDLE"] = 2


def does_not_ship(shop: Shop) -> None:
    shop.shipping_refuses = True


@pytest.mark.parametrize("cut_by", [httpx.ReadError, Killed])
@pytest.mark.parametrize("cut_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("scene", "cut_at"),
    [(ships, call) for call in range(2, 7)]
    + [(lacks_stock, call) for call in range(2, 5)]
    + [(does_not_ship, call) for call in range(5, 9)],
)
async def test_every_call_may_be_cut_off(
    service: httpx.AsyncClient,
    shop: Shop,
    database_url: str,
    scene: object,
    cut_at: int,
    cut_after: bool,
    cut_by: type[BaseException],
) -> None:
    assert callable(scene)
    scene(shop)
    order_id = shop.order()
    shop.cut_at, shop.cut_after, shop.cut_by = cut_at, cut_after, cut_by
    try:
        answer = await fulfil(service, order_id)
    except Killed:
        shop.cut_by = httpx.ConnectError
    else:
        assert answer.status_code in (202, 409, 503), answer.text
    shop.mend()
    await let_leases_run_out(database_url)
    job = await until_final(service, order_id)
    shop.check(order_id, job)
    assert len(await jobs_of(service, order_id)) == 1

    shop.on_hand.update({"CANDLE": 10, "WICK": 10} if job["status"] == "failed" else {})
    shop.shipping_refuses = False
    done = await fulfil(service, order_id)
    assert done.status_code == (200 if job["status"] == "completed" else 201), done.text
    shop.check(order_id, done.json())


@pytest.mark.parametrize("call", range(3, 7))
async def test_peer_that_fails_for_long_parks_the_job(
    service: httpx.AsyncClient, shop: Shop, database_url: str, call: int
) -> None:
    order_id = shop.order()
    shop.cut_at = call
    assert (await fulfil(service, order_id)).status_code == 202
    await run(database_url, "UPDATE fulfilment.jobs SET attempts = 11, next_attempt_at = now()")
    job = await until(lambda: newest_job(service, order_id), lambda job: job["parked"], seconds=20)
    assert job["attempts"] == 12
    assert await metric(service, "queue_items", queue="unfinished-jobs-parked") == 1
    assert await metric(service, "queue_items", queue="jobs-unfinished") == 1
    shop.mend()
    retried = await service.post(f"/fulfilments/{job['job_id']}/retry")
    assert (retried.status_code, retried.json()["status"]) == (200, "completed")
    assert retried.json()["parked"] is False
    shop.check(order_id, retried.json())


async def test_parked_job_may_be_left_to_the_sweep_at_once(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    order_id = shop.order()
    shop.cut_at = 4
    await fulfil(service, order_id)
    assert (await service.get("/parked")).json()["items"] == []
    await run(
        database_url,
        "UPDATE fulfilment.jobs SET attempts = 12, next_attempt_at = now() + interval '1 hour'",
    )
    (parked,) = (await service.get("/parked")).json()["items"]
    assert (parked["sweep"], parked["attempts"]) == ("unfinished-jobs", 12)
    shop.mend()
    assert (await service.post(f"/parked/{parked['item_id']}/retry")).status_code == 200
    job = await until_final(service, order_id)
    assert (job["job_id"], job["status"]) == (parked["item_id"], "completed")
    shop.check(order_id, job)


async def test_driver_whose_lease_was_taken_over_writes_nothing(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    order_id = shop.order()
    seen: list[asyncpg.Record] = []

    async def other_takes_over() -> None:
        await let_leases_run_out(database_url)
        job = await until_final(service, order_id)
        seen.append(await row_of(database_url, job["job_id"]))

    shop.meanwhile["/commit"] = other_takes_over
    late = await fulfil(service, order_id)
    assert late.status_code == 201
    job = await only_job_of(service, order_id)
    assert seen == [await row_of(database_url, job["job_id"])]
    assert [step["step"] for step in job["steps"]].count("commit") == 1
    shop.check(order_id, job)


async def row_of(database_url: str, job_id: str) -> asyncpg.Record:
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(
            "SELECT * FROM fulfilment.jobs WHERE job_id = $1", UUID(job_id)
        )
    finally:
        await connection.close()
    assert row is not None
    return row


async def test_hold_that_comes_after_the_job_was_undone_is_given_back(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    order_id = shop.order()

    async def other_undoes() -> None:
        shop.orders[order_id].status = "pending"
        await let_leases_run_out(database_url)
        assert (await until_final(service, order_id))["status"] == "failed"
        shop.orders[order_id].status = "paid"

    shop.meanwhile["/fulfilment"] = other_undoes
    late = await fulfil(service, order_id)
    assert late.status_code == 409
    assert late.json()["type"] == "/problems/order-not-paid"
    shop.check(order_id, await only_job_of(service, order_id))
    assert (await fulfil(service, order_id)).status_code == 201


async def test_sweeps_at_the_same_time_take_up_each_job_once(
    service: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    order_ids = [shop.order() for _ in range(3)]
    shop.cut_at, shop.cut_by = 3, Killed
    for order_id in order_ids:
        with pytest.raises(Killed):
            await fulfil(service, order_id)
        shop.calls.clear()
    shop.mend()
    await let_leases_run_out(database_url)
    await asyncio.gather(*(driver.take_up_due(app.state.context) for _ in range(4)))
    for order_id in order_ids:
        job = await until_final(service, order_id)
        assert (job["status"], job["attempts"]) == ("completed", 2)
    assert sorted(shop.shipments.values()) == sorted(order_ids)
    assert len(shop.calls) == 3 * len(["hold_order", "commit", "ship", "mark_fulfilled"])


def test_pauses_grow_and_end() -> None:
    assert 0.5 <= driver.pause(1) <= 1
    assert 2.5 <= driver.pause(11) <= 5
    assert 7.5 <= driver.pause(100_000) <= 15


def warehouse_is_away(shop: Shop) -> None:
    shop.cut_at, shop.cut_by = 2, httpx.ConnectError


@pytest.mark.parametrize(
    ("hinder", "for_good"),
    [(does_not_ship, True), (lacks_stock, False), (warehouse_is_away, False)],
)
async def test_key_whose_job_failed_unanswered_gets_an_answer(
    service: httpx.AsyncClient,
    shop: Shop,
    database_url: str,
    hinder: Callable[[Shop], None],
    for_good: bool,
) -> None:
    """Where the order is refused by now: what the job came to, if that was for good, or that."""
    order_id = shop.order()
    hinder(shop)
    await fulfil(service, order_id, "k")
    shop.mend()
    await until_final(service, order_id)
    # The process has ended between the job's failure and the answer.
    db = await asyncpg.connect(database_url)
    unanswered = "SET status = NULL, body = NULL, headers = NULL"
    await db.execute(f"UPDATE fulfilment.fulfilment_idempotency_keys {unanswered}")
    await db.close()
    shop.orders[order_id].status = "cancelled"
    first, again = [await fulfil(service, order_id, "k") for _ in range(2)]
    assert first.json()["type"] == "/problems/order-not-fulfillable"
    assert (first.json()["detail"] != "The order is cancelled.") == for_good
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
