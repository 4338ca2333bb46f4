"""fulfilmentService, bare: the saga straight on, each step written down as the service does."""

import json
from typing import Any
from uuid import UUID

from asyncpg import Record
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fulfilmentService.app import jobs, views
from fulfilmentService.app.saga import FIRST, STEPS

from .bare import (
    TRACE,
    Peer,
    answer,
    body_of,
    db_of,
    entries,
    peers_of,
    service,
    trace_id,
    unit_of_work,
)

PLAIN = ("job_id", "order_id", "status", "reservation_id", "shipment_id", "attempts")
TIMES = ("created_at", "updated_at")


async def fulfil(request: Request) -> Response:
    peers, order_id = peers_of(request), UUID((await body_of(request))["order_id"])
    order = await peers["order"].ask("GET", f"/orders/{order_id}/fulfillable")
    lines = order["lines"]
    async with unit_of_work(request) as db:
        what = (order_id, json.dumps(lines), jobs.LEASE_SECONDS, TRACE)
        job = await db.fetchrow(jobs.BEGIN, *what)
    assert job is not None
    name: str | None = FIRST
    while name is not None:
        await take(name, peers, job, lines)
        job, name = await recorded(request, job, name)
    row = await db_of(request).fetchrow(views.FIND, job["job_id"])
    assert row is not None
    return answer(view(row), 201)


async def take(name: str, peers: dict[str, Peer], job: Record, lines: list[dict[str, Any]]) -> None:
    order, reservation = f"/orders/{job['order_id']}", job["reservation_id"]
    ids = {name: job[name] for name in ("job_id", "order_id", "reservation_id", "shipment_id")}
    if name == "reserve":
        body = {"reservation_id": reservation, "order_id": ids["order_id"], "items": lines}
        await peers["warehouse"].ask("POST", "/reservations", body)
    elif name == "hold_order":
        body = {
            "job_id": ids["job_id"],
            "shipment_id": ids["shipment_id"],
            "round": job["round"],
            "require_payment": True,
        }
        await peers["order"].ask("PUT", f"{order}/fulfilment", body)
    elif name == "commit":
        await peers["warehouse"].ask("POST", f"/reservations/{reservation}/commit", {})
    elif name == "ship":
        body = {"shipment_id": ids["shipment_id"], "order_id": ids["order_id"]}
        await peers["shipping"].ask("POST", "/shipments", body)
    else:
        body = {"job_id": ids["job_id"], "shipment_id": ids["shipment_id"]}
        await peers["order"].ask("PUT", f"{order}/shipment", body)


async def recorded(request: Request, job: Record, name: str) -> tuple[Record, str | None]:
    step = STEPS[name]
    row = await db_of(request).fetchrow(
        jobs.RECORD,
        job["job_id"],
        job["version"],
        name,
        "done",
        step.then,
        step.next,
        None,
        job["reservation_id"],
        jobs.LEASE_SECONDS,
    )
    assert row is not None
    return row, step.next


def view(row: Record) -> dict[str, Any]:
    return {
        **{name: row[name] for name in (*PLAIN, *TIMES)},
        "failure": None,
        "parked": False,
        "steps": entries(row["steps"], "step", "at", "outcome"),
        "trace_id": trace_id(row),
    }


app = service(
    Route("/fulfilments", fulfil, methods=["POST"]), peers=("order", "warehouse", "shipping")
)
