"""Product catalogue: what the shop sells, and for how much."""

from pathlib import Path

from chassis import create_app

from . import routes

app = create_app(
    "product_catalogue",
    routes.router,
    routes.bulk_router,
    schema="product",
    home=Path(__file__).resolve().parents[1],
    description=__doc__,
)
