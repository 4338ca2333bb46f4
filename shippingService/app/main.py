"""Shipping: the parcels of orders, and how far they have come."""

from pathlib import Path

from chassis import Sweep, create_app

from . import routes, subjects

app = create_app(
    "shipping",
    routes.router,
    schema="shipping",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("order",),
    sweeps=[Sweep("subject-requests", subjects.follow, parked=subjects.HOLDER.parked)],
)
