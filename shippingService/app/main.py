"""Shipping: the parcels of orders, and how far they have come."""

from pathlib import Path

from chassis import create_app

from . import routes

app = create_app(
    "shipping",
    routes.router,
    schema="shipping",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    peers=("order",),
)
