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
    # How a word is best looked up depends on how common it is: no plan fits all words. The first
    # documents that have it are to be the same ones whenever somebody asks. And what is searched
    # lies in memory, where a page anywhere costs little more than the next one: by default the
    # planner lists twenty thousand rows first, so as to read a thousand of them in order.
    session={
        "plan_cache_mode": "force_custom_plan",
        "synchronize_seqscans": "off",
        "random_page_cost": "1.1",
    },
)
