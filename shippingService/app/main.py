"""Shipping: the parcels of orders, and how far they have come."""

from pathlib import Path

from chassis import Queue, Sweep, create_app

from . import claims, making, routes, subjects

app = create_app(
    "shipping",
    routes.router,
    schema="shipping",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("order",),
    sweeps=[
        Sweep("claims", making.finish_claims, parked=claims.PARKED),
        Sweep("subject-requests", subjects.follow, parked=subjects.HOLDER.parked),
    ],
    queues=[Queue("claims", claims.UNFINISHED)],
)
