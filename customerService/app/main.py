"""Customers: who buys, how to reach them, and nothing of that once they ask to be forgotten."""

from pathlib import Path

from chassis import Sweep, create_app

from . import internal, routes, subjects, twins

app = create_app(
    "customer",
    routes.router,
    internal.router,
    schema="customer",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    sweeps=[
        Sweep("restored", subjects.erase_again, every=2),
        Sweep("old-exports", subjects.forget_old, every=30),
        Sweep("emails", twins.bring_into_idna, every=5),
    ],
)
