"""Customers: who buys, how to reach them, and nothing of that once they ask to be forgotten."""

from pathlib import Path

from chassis import create_app

from . import routes

app = create_app(
    "customer",
    routes.router,
    schema="customer",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
)
