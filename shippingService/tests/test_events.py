"""A parcel's journey: forward only, every step written once."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from shippingService.tests.support import Orders, move, shipped


async def test_parcel_moves_forward(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders, "dispatched")
    moved = await move(service, shipment_id, "in_transit", location="Halle", note="By night train")
    assert moved.status_code == 200
    assert moved.json()["status"] == "in_transit"
    events = moved.json()["events"]
    assert [event["status"] for event in events] == ["created", "dispatched", "in_transit"]
    assert (events[-1]["location"], events[-1]["note"]) == ("Halle", "By night train")
    assert events[-1]["at"].endswith("Z")
    assert (await service.get(f"/shipments/{shipment_id}")).json() == moved.json()


@pytest.mark.parametrize(
    "journey",
    [
        ("delivered",),
        ("in_transit", "delivered", "returned"),
        ("dispatched", "delivered"),
        ("dispatched", "returned"),
        ("in_transit", "returned"),
    ],
)
async def test_steps_may_be_left_out(
    service: httpx.AsyncClient, orders: Orders, journey: tuple[str, ...]
) -> None:
    shipment_id = await shipped(service, orders, *journey)
    found = (await service.get(f"/shipments/{shipment_id}")).json()
    assert [event["status"] for event in found["events"]] == ["created", *journey]
    assert found["status"] == journey[-1]


@pytest.mark.parametrize(
    ("journey", "asked"),
    [
        ((), "created"),
        ((), "returned"),
        (("dispatched",), "created"),
        (("dispatched",), "dispatched"),
        (("in_transit",), "dispatched"),
        (("delivered",), "in_transit"),
        (("delivered",), "delivered"),
        (("dispatched", "returned"), "in_transit"),
        (("dispatched", "returned"), "delivered"),
        (("dispatched", "returned"), "returned"),
    ],
)
async def test_parcel_does_not_move_back(
    service: httpx.AsyncClient, orders: Orders, journey: tuple[str, ...], asked: str
) -> None:
    shipment_id = await shipped(service, orders, *journey)
    before = (await service.get(f"/shipments/{shipment_id}")).json()
    refused = await move(service, shipment_id, asked)
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "/problems/illegal-transition"
    assert (problem["from"], problem["to"]) == (before["status"], asked)
    assert (await service.get(f"/shipments/{shipment_id}")).json() == before


async def test_racing_events_are_written_once(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders)
    statuses = ["dispatched", "in_transit", "delivered"] * 2
    answers = await asyncio.gather(*(move(service, shipment_id, status) for status in statuses))
    assert {answer.status_code for answer in answers} <= {200, 409}
    found = (await service.get(f"/shipments/{shipment_id}")).json()
    written = [event["status"] for event in found["events"]]
    assert written == [status for status in ["created", *statuses[:3]] if status in written]
    assert len(written) == 1 + sum(answer.status_code == 200 for answer in answers)
    assert found["status"] == "delivered"


async def test_event_with_a_key_is_written_once(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders)
    first = await move(service, shipment_id, "dispatched", key="k")
    again = await move(service, shipment_id, "dispatched", key="k")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_refused_event_is_kept_unless_time_may_lift_it(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    shipment_id = await shipped(service, orders)
    assert (await move(service, shipment_id, "returned", key="r")).status_code == 409
    await move(service, shipment_id, "dispatched")
    first = await move(service, shipment_id, "created", key="c")
    assert (await move(service, shipment_id, "created", key="c")).content == first.content
    assert (await move(service, shipment_id, "returned", key="r")).status_code == 200


async def test_event_of_nothing_is_not_found(service: httpx.AsyncClient) -> None:
    assert (await move(service, str(uuid4()), "dispatched")).status_code == 404


@pytest.mark.parametrize("members", [{"status": "lost"}, {"note": "?"}, {"location": " "}])
async def test_wrong_event_is_refused(
    service: httpx.AsyncClient, orders: Orders, members: dict[str, str]
) -> None:
    shipment_id = await shipped(service, orders)
    body = members if "note" in members else {"status": "dispatched", **members}
    assert (await service.post(f"/shipments/{shipment_id}/events", json=body)).status_code == 422
