"""Carts: what a customer has put together so far, and at what price it was seen."""

from pathlib import Path

from chassis import Sweep, create_app

from . import ageing, internal, routes
from .settings import CartSettings

app = create_app(
    "cart",
    routes.router,
    internal.router,
    schema="cart",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("product_catalogue",),
    sweeps=[Sweep("untouched-carts", ageing.forget_untouched, every=60)],
    settings=CartSettings,
)
