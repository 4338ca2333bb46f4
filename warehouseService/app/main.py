"""Warehouse: what is on hand, and for whom it is reserved."""

from pathlib import Path

from chassis import Queue, Sweep, create_app

from . import reservations, routes
from .settings import WarehouseSettings

app = create_app(
    "warehouse",
    routes.router,
    routes.bulk_router,
    routes.reservations_router,
    routes.internal_router,
    schema="warehouse",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    sweeps=[Sweep("expired-reservations", reservations.expire_due, every=1.0)],
    queues=[
        Queue("reservations-expiring", reservations.EXPIRING),
        Queue("reservations-overdue", reservations.OVERDUE),
    ],
    settings=WarehouseSettings,
)
