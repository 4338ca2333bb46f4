"""What whoever looks after the fleet asks of it, and what it says."""

import pytest

from chassis import app
from fleet.services import SERVICES
from tests.fleets import Fleet
from tests.shop import Shop

# As if its last step had failed again and again.
PARK = """
UPDATE fulfilment.jobs
   SET status = 'shipped', next_step = 'mark_fulfilled', attempts = 12,
       next_attempt_at = now() + interval '1 hour'
 WHERE job_id = '{0}';
DELETE FROM fulfilment.job_steps WHERE job_id = '{0}' AND step = 'mark_fulfilled'
"""


def said(fleet: Fleet, *arguments: str, status: int = 0) -> str:
    done = fleet.run(*arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def row(screen: str, name: str) -> str:
    (found,) = [line for line in screen.splitlines() if line.startswith(f"{name}  ")]
    return found.removeprefix(name)


@pytest.fixture
async def dead_job(fleet: Fleet, shop: Shop) -> str:
    order = await shop.paid_order({await shop.product(): 1})
    job = await shop.post("fulfilment", "/fulfilments", {"order_id": order["order_id"]})
    said(fleet, "fleet.psql", "--admin", "--command", PARK.format(job["job_id"]))
    return str(job["job_id"])


async def test_a_dead_job_is_seen_and_retried(fleet: Fleet, shop: Shop, dead_job: str) -> None:
    screen = said(fleet, "fleet.status", "--seconds", "0.1")
    for service in SERVICES:
        version, *_, health = row(screen, service.name).split()
        assert (version, health) == (app.version(), "ready")
    assert row(screen, "fulfilment jobs").split()[-1] == "1"
    assert dead_job in said(fleet, "fleet.parked")
    assert f"{dead_job}  a job at mark_fulfilled" in said(fleet, "fleet.parked", "retry", dead_job)
    await shop.until("fulfilment", f"/fulfilments/{dead_job}", status="completed")
    assert said(fleet, "fleet.parked") == "No dead jobs.\n"


async def test_a_job_that_failed_is_retried_by_its_id(fleet: Fleet, shop: Shop) -> None:
    sku = await shop.product(stock=0)
    order = await shop.paid_order({sku: 1})
    body = {"order_id": order["order_id"]}
    await shop.post("fulfilment", "/fulfilments", body, status=409)
    (job,) = (await shop.get("fulfilment", f"/fulfilments?order_id={body['order_id']}"))["items"]
    (await shop["warehouse"].put(f"/stock/{sku}", json={"quantity": 1})).raise_for_status()
    assert "completed" in said(fleet, "fleet.parked", "retry", job["job_id"])
    assert "no dead job" in said(fleet, "fleet.parked", "retry", body["order_id"], status=1)


def test_psql_reads_and_does_not_write(fleet: Fleet) -> None:
    assert "orders_pkey" in said(fleet, "fleet.psql", "--command", r"\d orders")
    refused = said(fleet, "fleet.psql", "--command", "DELETE FROM orders", status=1)
    assert "read-only transaction" in refused
    assert "cart_app" in said(
        fleet, "fleet.psql", "--role", "cart", "--command", "SELECT current_user"
    )
