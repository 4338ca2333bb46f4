"""Fulfilment through its contract."""

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest

from fulfilmentService.app.main import app
from fulfilmentService.tests.support import (
    Shop,
    fulfil,
    jobs_of,
    only_job_of,
    until_final,
)


async def test_paid_order_is_fulfilled(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    done = await fulfil(service, order_id)
    assert done.status_code == 201, done.text
    job = done.json()
    assert done.headers["location"] == f"/fulfilments/{job['job_id']}"
    assert (job["status"], job["order_id"]) == ("completed", order_id)
    assert (job["failure"], job["attempts"], job["parked"]) == (None, 1, False)
    assert [(step["step"], step["outcome"]) for step in job["steps"]] == [
        ("reserve", "done"),
        ("hold_order", "done"),
        ("commit", "done"),
        ("ship", "done"),
        ("mark_fulfilled", "done"),
    ]
    assert job["created_at"].endswith("Z")
    assert (await service.get(done.headers["location"])).json() == job
    shop.check(order_id, job)
    assert len(shop.calls) == 6


async def test_fulfilled_order_keeps_its_job(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    first = await fulfil(service, order_id)
    again = await fulfil(service, order_id)
    assert again.status_code == 200
    assert again.json() == first.json()
    shop.check(order_id, again.json())


async def test_key_gives_the_same_bytes_again(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    first = await fulfil(service, order_id, "k1")
    again = await fulfil(service, order_id, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = await fulfil(service, shop.order(), "k1")
    assert other.json()["type"] == "/problems/idempotency-key-reused"


@pytest.mark.parametrize("keys", [("k1", "k1"), ("k1", "k2"), (None, None)])
async def test_two_at_once_make_one_job(
    service: httpx.AsyncClient, shop: Shop, keys: tuple[str | None, str | None]
) -> None:
    order_id = shop.order()
    answers = await asyncio.gather(*(fulfil(service, order_id, key) for key in keys))
    job = await only_job_of(service, order_id)
    assert [answer.json() for answer in answers] == [job, job]
    same_key = keys[0] is not None and keys[0] == keys[1]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == ([201, 201] if same_key else [200, 201])
    shop.check(order_id, job)


async def test_unknown_order_is_refused(service: httpx.AsyncClient) -> None:
    refused = await fulfil(service, str(uuid4()))
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/unknown-order"


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("pending", "order-not-paid"),
        ("cancelled", "order-not-fulfillable"),
        ("refunded", "order-not-fulfillable"),
        ("fulfilled", "order-not-fulfillable"),
    ],
)
async def test_order_of_the_wrong_status_is_refused(
    service: httpx.AsyncClient, shop: Shop, status: str, problem: str
) -> None:
    order_id = shop.order(status)
    refused = await fulfil(service, order_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == f"/problems/{problem}"
    assert await jobs_of(service, order_id) == []
    assert len(shop.calls) == 1


@pytest.mark.parametrize(
    ("status", "problem"),
    [("cancelled", "order-not-fulfillable"), ("pending", "order-not-paid")],
)
async def test_order_that_changes_meanwhile_is_refused_and_undone(
    service: httpx.AsyncClient, shop: Shop, status: str, problem: str
) -> None:
    order_id = shop.order()

    async def change() -> None:
        shop.orders[order_id].status = status

    shop.meanwhile["/fulfilment"] = change
    refused = await fulfil(service, order_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == f"/problems/{problem}"
    job = await only_job_of(service, order_id)
    assert job["failure"]["type"] == f"/problems/{problem}"
    shop.check(order_id, job)


async def test_insufficient_stock_leaves_nothing(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    shop.on_hand["CANDLE"] = 2
    refused = await fulfil(service, order_id, "k1")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/insufficient-stock"
    assert refused.json()["shortages"] == [{"sku": "CANDLE", "requested": 3, "available": 2}]
    job = await only_job_of(service, order_id)
    assert job["failure"]["shortages"] == refused.json()["shortages"]
    assert shop.reservations[job["reservation_id"]].status == "released"
    shop.check(order_id, job)
    shop.on_hand["CANDLE"] = 10
    assert (await fulfil(service, order_id, "k1")).status_code == 201
    assert [job["status"] for job in await jobs_of(service, order_id)] == ["completed", "failed"]


async def test_refused_shipment_brings_the_goods_back(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.order()
    shop.shipping_refuses = True
    refused = await fulfil(service, order_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/order-not-fulfillable"
    job = await only_job_of(service, order_id)
    assert shop.reservations[job["reservation_id"]].status == "returned"
    assert shop.on_hand == {"CANDLE": 10, "WICK": 10}
    shop.check(order_id, job)


async def expire(shop: Shop) -> None:
    for reservation in shop.reservations.values():
        reservation.status = "expired"


async def test_expired_reservation_is_made_anew(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    shop.meanwhile["/commit"] = lambda: expire(shop)
    done = await fulfil(service, order_id)
    assert done.status_code == 201, done.text
    assert sorted(made.status for made in shop.reservations.values()) == ["committed", "expired"]
    shop.check(order_id, done.json())


async def test_expired_reservation_whose_goods_went_gives_the_order_back(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.order()

    async def expire_and_sell() -> None:
        await expire(shop)
        shop.on_hand["CANDLE"] = 0

    shop.meanwhile["/commit"] = expire_and_sell
    refused = await fulfil(service, order_id)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/insufficient-stock"
    shop.check(order_id, await only_job_of(service, order_id))


async def test_warehouse_that_is_away_leaves_nothing(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.order()
    shop.cut_at = 2
    refused = await fulfil(service, order_id, "k1")
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/dependency-unavailable"
    assert refused.json()["dependency"] == "warehouse"
    assert refused.headers["retry-after"]
    shop.mend()
    job = await until_final(service, order_id)
    assert job["status"] == "failed"
    shop.check(order_id, job)
    done = await fulfil(service, order_id, "k1")
    assert done.status_code == 201
    shop.check(order_id, done.json())


async def test_shipping_that_is_away_is_waited_for(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    shop.cut_at = 5
    waits = await fulfil(service, order_id, "k1")
    assert waits.status_code == 202, waits.text
    assert waits.json()["status"] == "reserved"
    assert waits.headers["location"] == f"/fulfilments/{waits.json()['job_id']}"
    shop.mend()
    job = await until_final(service, order_id)
    assert job["status"] == "completed"
    shop.check(order_id, job)
    first = await fulfil(service, order_id, "k1")
    assert (first.status_code, first.json()) == (201, job)
    again = await fulfil(service, order_id, "k1")
    assert (again.status_code, again.content) == (201, first.content)


async def test_retry_reopens_a_failed_job(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    shop.on_hand["CANDLE"] = 2
    await fulfil(service, order_id)
    job = await only_job_of(service, order_id)
    path = f"/fulfilments/{job['job_id']}/retry"
    key = {"Idempotency-Key": "r1"}
    failed = await service.post(path, headers=key)
    assert (failed.status_code, failed.json()["status"]) == (200, "failed")
    assert failed.json()["failure"]["type"] == "/problems/insufficient-stock"
    shop.on_hand["CANDLE"] = 10
    for _ in range(2):
        retried = await service.post(path, headers=key)
        assert (retried.status_code, retried.json()["status"]) == (200, "completed")
        assert retried.json()["reservation_id"] != job["reservation_id"]
    assert retried.headers["idempotent-replayed"] == "true"
    assert (await service.post(path)).json() == retried.json()
    shop.check(order_id, retried.json())


async def test_retry_gives_way_to_another_job(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order()
    shop.on_hand["CANDLE"] = 2
    await fulfil(service, order_id)
    failed = await only_job_of(service, order_id)
    shop.on_hand["CANDLE"] = 10
    live = (await fulfil(service, order_id)).json()
    refused = await service.post(f"/fulfilments/{failed['job_id']}/retry")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/another-job"
    assert refused.json()["job_id"] == live["job_id"]


async def test_unknown_job_is_not_found(service: httpx.AsyncClient) -> None:
    for path in (f"/fulfilments/{uuid4()}", "/fulfilments/no-uuid"):
        assert (await service.get(path)).status_code == 404
        assert (await service.post(f"{path}/retry")).status_code == 404


async def test_list_pages_newest_first(service: httpx.AsyncClient, shop: Shop) -> None:
    made = [(await fulfil(service, shop.order())).json() for _ in range(3)]
    seen, query = [], "status=completed&limit=2"
    while query:
        page = (await service.get(f"/fulfilments?{query}")).json()
        seen += page["items"]
        query = page["next_cursor"] and f"status=completed&limit=2&cursor={page['next_cursor']}"
    assert seen == made[::-1]
    one = await service.get(f"/fulfilments?order_id={made[1]['order_id']}&status=completed")
    assert one.json()["items"] == [made[1]]
    assert (await service.get("/fulfilments?status=failed")).json()["items"] == []
    for wrong in ("status=lost", "order_id=x", "cursor=nonsense", "limit=0"):
        assert (await service.get(f"/fulfilments?{wrong}")).status_code == 422


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fulfilment.job_steps SET outcome = 'done'",
        "DELETE FROM fulfilment.job_steps",
        "DELETE FROM fulfilment.jobs",
    ],
)
async def test_history_cannot_be_rewritten(
    service: httpx.AsyncClient, shop: Shop, statement: str
) -> None:
    await fulfil(service, shop.order())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.state.context.database.execute(statement)
