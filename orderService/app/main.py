"""Orders: what was bought from a cart, for how much, and how far it has come."""

from pathlib import Path

from chassis import Queue, Sweep, create_app

from . import drafts, internal, placement, routes, subjects
from .settings import OrderSettings

app = create_app(
    "order",
    routes.router,
    internal.router,
    internal.subjects_router,
    schema="orders",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("cart", "product_catalogue", "customer"),
    sweeps=[
        Sweep("drafts", placement.finish_drafts, parked=drafts.PARKED),
        Sweep("subject-requests", subjects.follow, parked=subjects.HOLDER.parked),
    ],
    queues=[Queue("drafts", drafts.UNFINISHED)],
    settings=OrderSettings,
)
