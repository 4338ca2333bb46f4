"""A parcel's journey: forward only, whatever carriers tell twice, late, and in which order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shippingService.app import events
from shippingService.tests.support import Orders, move, shipped

BEFORE = "2026-01-31T09:30:00Z"


async def read(service: httpx.AsyncClient, shipment_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await service.get(f"/shipments/{shipment_id}")).json()
    return found


def statuses(shipment: dict[str, Any]) -> list[str]:
    return [event["status"] for event in shipment["events"]]


async def test_parcel_moves_forward(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders, "dispatched")
    moved = await move(service, shipment_id, "in_transit", location="Halle", note="By night train")
    assert moved.status_code == 200
    assert moved.json()["status"] == "in_transit"
    assert statuses(moved.json()) == ["created", "dispatched", "in_transit"]
    last = moved.json()["events"][-1]
    assert (last["location"], last["note"]) == ("Halle", "By night train")
    assert last["at"].endswith("Z")
    assert last["recorded_at"].endswith("Z")
    assert await read(service, shipment_id) == moved.json()


@pytest.mark.parametrize(
    "journey",
    [
        ("delivered",),
        ("returned",),
        ("in_transit", "delivered", "returned"),
        ("dispatched", "delivered"),
        ("dispatched", "returned"),
        ("in_transit", "returned"),
    ],
)
async def test_steps_may_be_left_out(
    service: httpx.AsyncClient, orders: Orders, journey: tuple[str, ...]
) -> None:
    found = await read(service, await shipped(service, orders, *journey))
    assert statuses(found) == ["created", *journey]
    assert found["status"] == journey[-1]


@pytest.mark.parametrize(
    ("journey", "told"),
    [
        (("in_transit",), "dispatched"),
        (("delivered",), "dispatched"),
        (("delivered",), "in_transit"),
        (("dispatched", "returned"), "in_transit"),
        (("dispatched", "returned"), "delivered"),
        (("dispatched",), "exception"),
        (("delivered",), "exception"),
    ],
)
async def test_late_event_is_kept_and_moves_nothing(
    service: httpx.AsyncClient, orders: Orders, journey: tuple[str, ...], told: str
) -> None:
    shipment_id = await shipped(service, orders, *journey)
    kept = await move(service, shipment_id, told, location="Halle")
    assert (kept.status_code, kept.json()["status"]) == (200, journey[-1])
    assert statuses(kept.json()) == ["created", *journey, told]
    assert kept.json()["events"][-1]["location"] == "Halle"


@pytest.mark.parametrize(
    "event",
    [
        {"status": "created"},
        {"status": "dispatched"},
        {"status": "in_transit", "location": "Halle"},
        {"status": "in_transit", "location": "Halle", "note": "?", "at": BEFORE},
        {"status": "exception", "note": "Nobody at home"},
    ],
)
async def test_event_that_is_there_changes_nothing(
    service: httpx.AsyncClient, orders: Orders, event: dict[str, str]
) -> None:
    shipment_id = await shipped(service, orders, "dispatched")
    for key in ("", "", "k", "l"):
        told = await move(service, shipment_id, key=key, **event)
        assert told.status_code == 200
        found = await read(service, shipment_id)
        assert told.json() == found
        assert statuses(found).count(event["status"]) == 1


@pytest.mark.parametrize("other", [{"location": "Leipzig"}, {"note": "!"}, {"at": BEFORE}, {}])
async def test_another_event_of_the_status_is_kept(
    service: httpx.AsyncClient, orders: Orders, other: dict[str, str]
) -> None:
    shipment_id = await shipped(service, orders)
    first = {"location": "Halle", "note": "?"}
    await move(service, shipment_id, "in_transit", at="2026-01-30T09:30:00Z", **first)
    second = await move(service, shipment_id, "in_transit", **((first | other) if other else {}))
    assert statuses(second.json()).count("in_transit") == 2
    assert second.json()["status"] == "in_transit"


async def test_events_are_in_the_order_of_the_carriers_time(
    service: httpx.AsyncClient, orders: Orders
) -> None:
    shipment_id = await shipped(service, orders)
    await move(service, shipment_id, "delivered", at="2026-03-02T10:00:00+01:00")
    await move(service, shipment_id, "dispatched", at="2026-02-28T23:30:00.5Z")
    last = await move(service, shipment_id, "in_transit", at="2026-03-01T00:30:00+02:00")
    assert last.json()["status"] == "delivered"
    events = [(event["status"], event["at"]) for event in last.json()["events"]]
    assert events[:3] == [
        ("in_transit", "2026-02-28T22:30:00Z"),
        ("dispatched", "2026-02-28T23:30:00.500000Z"),
        ("delivered", "2026-03-02T09:00:00Z"),
    ]
    assert events[3][0] == "created"
    recorded = {event["status"]: event["recorded_at"] for event in last.json()["events"]}
    assert recorded["delivered"] < recorded["dispatched"] < recorded["in_transit"]


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-01",
        "2026-03-01T10:00:00",
        "2026-03-01T10:00Z",
        "2026-02-30T10:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T10:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "yesterday",
        1772359200,
        True,
        "2999-01-01T00:00:00Z",
    ],
)
async def test_time_that_is_none_is_refused(
    service: httpx.AsyncClient, orders: Orders, at: object
) -> None:
    shipment_id = await shipped(service, orders)
    refused = await move(service, shipment_id, "dispatched", at=at)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "#/at"
    assert (await read(service, shipment_id))["status"] == "created"


async def test_clock_that_is_fast_is_believed(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders)
    for hours, status in ((23, 200), (25, 422)):
        ahead = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        assert (await move(service, shipment_id, "dispatched", at=ahead)).status_code == status


async def test_racing_events_are_written_once(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders)
    told = ["dispatched", "in_transit", "delivered"] * 3
    answers = await asyncio.gather(*(move(service, shipment_id, status) for status in told))
    assert {answer.status_code for answer in answers} == {200}
    found = await read(service, shipment_id)
    assert sorted(statuses(found)) == ["created", "delivered", "dispatched", "in_transit"]
    assert found["status"] == "delivered"


async def test_event_with_a_key_is_written_once(service: httpx.AsyncClient, orders: Orders) -> None:
    shipment_id = await shipped(service, orders)
    first = await move(service, shipment_id, "dispatched", key="k")
    await move(service, shipment_id, "delivered")
    again = await move(service, shipment_id, "dispatched", key="k")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_events_of_a_parcel_are_bounded(
    service: httpx.AsyncClient, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_EVENTS", 3)
    shipment_id = await shipped(service, orders, "dispatched", "in_transit")
    refused = await move(service, shipment_id, "delivered")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-events")
    assert refused.json()["limit"] == 3
    assert (await move(service, shipment_id, "in_transit")).status_code == 200


async def test_event_of_nothing_is_not_found(service: httpx.AsyncClient) -> None:
    assert (await move(service, str(uuid4()), "dispatched")).status_code == 404


@pytest.mark.parametrize("members", [{"status": "lost"}, {"note": "?"}, {"location": " "}])
async def test_wrong_event_is_refused(
    service: httpx.AsyncClient, orders: Orders, members: dict[str, str]
) -> None:
    shipment_id = await shipped(service, orders)
    refused = await service.post(f"/shipments/{shipment_id}/events", json=members)
    assert refused.status_code == 422
