"""Orders that are not got out: nothing is reserved for them, and nobody tries for ever."""

from uuid import uuid4

import httpx
import pytest

from fulfilmentService.tests.support import Shop, fulfil, jobs_of, only_job_of


async def retry(service: httpx.AsyncClient, job_id: str) -> httpx.Response:
    return await service.post(f"/fulfilments/{job_id}/retry")


async def test_order_without_an_address_waits_for_one(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.order()
    shop.orders[order_id].has_address = False
    refused = await fulfil(service, order_id, "k")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/address-missing")
    assert await jobs_of(service, order_id) == []
    assert shop.calls == [f"GET order/orders/{order_id}/fulfillable"]
    shop.orders[order_id].has_address = True
    done = await fulfil(service, order_id, "k")
    assert done.status_code == 201
    shop.check(order_id, done.json())


@pytest.mark.parametrize("path", ["/fulfilment", "/shipments"])
async def test_job_whose_address_went_goes_when_one_comes(
    service: httpx.AsyncClient, shop: Shop, path: str
) -> None:
    """Erased with its customer, before the order was held, or after."""
    order_id = shop.order()

    async def erase() -> None:
        shop.orders[order_id].has_address = False

    shop.meanwhile[path] = erase
    refused = await fulfil(service, order_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/address-missing")
    job = await only_job_of(service, order_id)
    shop.check(order_id, job)
    assert (await retry(service, job["job_id"])).json()["status"] == "failed"
    shop.orders[order_id].has_address = True
    again = await retry(service, job["job_id"])
    assert again.json()["status"] == "completed"
    shop.check(order_id, again.json())


async def test_order_shipped_by_hand_is_refused(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id, parcel = shop.order("fulfilled"), str(uuid4())
    shop.orders[order_id].shipment_id = parcel
    refused = await fulfil(service, order_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/order-not-fulfillable")
    assert refused.json()["shipment_id"] == parcel
    assert (shop.reservations, await jobs_of(service, order_id)) == ({}, [])


async def test_order_shipped_by_hand_meanwhile_is_undone(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id, parcel = shop.order(), str(uuid4())

    async def ship_by_hand() -> None:
        shop.orders[order_id].status, shop.orders[order_id].shipment_id = "fulfilled", parcel

    shop.meanwhile["/fulfilment"] = ship_by_hand
    refused = await fulfil(service, order_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/order-not-fulfillable")
    assert refused.json()["shipment_id"] == parcel
    job = await only_job_of(service, order_id)
    assert job["failure"]["shipment_id"] == parcel
    shop.check(order_id, job)


async def test_unknown_status_begins_nothing(service: httpx.AsyncClient, shop: Shop) -> None:
    order_id = shop.order("on_hold")
    refused = await fulfil(service, order_id, "k")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/unknown-order-status")
    assert refused.json()["order_status"] == "on_hold"
    assert (shop.reservations, await jobs_of(service, order_id)) == ({}, [])
    shop.orders[order_id].status = "paid"
    assert (await fulfil(service, order_id, "k")).status_code == 201


async def test_unknown_status_meanwhile_is_undone_and_not_parked(
    service: httpx.AsyncClient, shop: Shop
) -> None:
    order_id = shop.order()

    async def put_on_hold() -> None:
        shop.orders[order_id].status = "on_hold"

    shop.meanwhile["/fulfilment"] = put_on_hold
    refused = await fulfil(service, order_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/unknown-order-status")
    job = await only_job_of(service, order_id)
    assert (job["status"], job["parked"]) == ("failed", False)
    shop.check(order_id, job)


async def test_order_that_vanishes_is_let_be(service: httpx.AsyncClient, shop: Shop) -> None:
    """From a backup that is older than ours, say."""
    order_id = shop.order()

    async def vanish() -> None:
        del shop.orders[order_id]

    shop.meanwhile["/fulfilment"] = vanish
    refused = await fulfil(service, order_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/order-not-fulfillable")
    job = await only_job_of(service, order_id)
    assert (job["status"], job["parked"]) == ("failed", False)
    assert [made.status for made in shop.reservations.values()] == ["released"]


async def test_job_tells_the_trace_that_it_began_in(service: httpx.AsyncClient, shop: Shop) -> None:
    trace = uuid4().hex
    done = await service.post(
        "/fulfilments",
        json={"order_id": shop.order()},
        headers={"traceparent": f"00-{trace}-{uuid4().hex[:16]}-01"},
    )
    assert done.json()["trace_id"] == trace
    found = await service.get(f"/fulfilments/{done.json()['job_id']}")
    assert found.json()["trace_id"] == trace
