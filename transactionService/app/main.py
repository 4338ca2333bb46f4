"""Transactions: an append-only double-entry ledger of money movements."""

from pathlib import Path

from chassis import create_app

from . import routes

app = create_app(
    "transaction",
    routes.router,
    schema="payment",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("order",),
)
