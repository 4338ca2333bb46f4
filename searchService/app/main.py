"""Search: the products as people look for them, misspelt and half typed."""

from pathlib import Path

from chassis import create_app

from . import routes

app = create_app(
    "search",
    routes.router,
    routes.bulk_router,
    schema="search",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
)
