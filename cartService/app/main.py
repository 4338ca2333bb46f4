"""Carts: what a customer has put together so far, and at what price it was seen."""

from pathlib import Path

from chassis import create_app

from . import internal, routes

app = create_app(
    "cart",
    routes.router,
    internal.router,
    schema="cart",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    peers=("product_catalogue",),
)
