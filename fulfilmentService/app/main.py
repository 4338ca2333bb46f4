"""Fulfilment: gets an order out, across warehouse, shipping and order."""

from pathlib import Path

from chassis import Queue, Sweep, create_app

from . import driver, jobs, routes
from .settings import FulfilmentSettings

app = create_app(
    "fulfilment",
    routes.router,
    schema="fulfilment",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
    personal=True,
    peers=("order", "warehouse", "shipping"),
    sweeps=[Sweep("unfinished-jobs", driver.take_up_due, every=0.5, parked=jobs.PARKED)],
    queues=[Queue("jobs-unfinished", jobs.UNFINISHED)],
    settings=FulfilmentSettings,
)
