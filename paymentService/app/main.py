"""Payments: takes the money for an order once, and gives it back."""

from pathlib import Path

from chassis import create_app

from . import routes, sweeps
from .settings import PaymentSettings

app = create_app(
    "payment",
    routes.router,
    schema="payment",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("order",),
    sweeps=sweeps.SWEEPS,
    queues=sweeps.QUEUES,
    settings=PaymentSettings,
)
