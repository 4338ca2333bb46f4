"""The ten services: the one list that the supervisor, the demo, the audit and the tests read."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Service:
    """One service of the fleet.

    `name` is the stem of everything that belongs to it: the folder `<name>Service`, the
    environment variable `<NAME>_URL` and the PostgreSQL login role. `offset` is added to the
    port base (8000 unless moved). `calls` are its only edges in the graph.
    """

    name: str
    offset: int
    schema: str
    job: str
    calls: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return f"{self.name}Service"

    @property
    def module(self) -> str:
        return f"{self.folder}.app.main"

    @property
    def url_variable(self) -> str:
        return f"{self.name.upper()}_URL"

    def port(self, base: int) -> int:
        return base + self.offset


SERVICES: tuple[Service, ...] = (
    Service("product_catalogue", 1, "product", "master catalogue"),
    Service("cart", 2, "cart", "carts and their items", ("product_catalogue",)),
    Service(
        "order",
        3,
        "orders",
        "orders from carts, totals",
        ("cart", "product_catalogue", "customer"),
    ),
    Service("transaction", 4, "payment", "ledger of payment transactions", ("order",)),
    Service("customer", 5, "customer", "customer profiles"),
    Service("payment", 6, "payment", "takes payments", ("order",)),
    Service("search", 7, "search", "searchable product index"),
    Service("shipping", 8, "shipping", "shipments", ("order",)),
    Service("warehouse", 9, "warehouse", "stock and reservations"),
    Service(
        "fulfilment",
        10,
        "fulfilment",
        "reserves stock, creates the shipment",
        ("order", "warehouse", "shipping"),
    ),
)

BY_NAME = {service.name: service for service in SERVICES}


def urls(base: int = 8000, host: str = "127.0.0.1") -> dict[str, str]:
    """Where each service answers: name to URL, no trailing slash."""
    return {service.name: f"http://{host}:{service.port(base)}" for service in SERVICES}
