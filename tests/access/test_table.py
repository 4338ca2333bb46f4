"""The table in docs/security.md is what the routes say."""

from collections.abc import Iterator

from chassis.app import load_app
from fleet.services import ROOT, SERVICES
from tests.access.test_every_caller import operations

PAGE = ROOT / "docs" / "security.md"


def rows() -> Iterator[str]:
    for service in SERVICES:
        yield f"| **{service.name}** | | | |"
        for operation in operations(load_app(service.folder).openapi()):
            services = sorted(part for part in operation.admitted if part.startswith("service:"))
            cells = [
                f"`{operation.method} {operation.path}`",
                *("yes" if role in operation.admitted else "" for role in ("customer", "staff")),
                ", ".join(part.removeprefix("service:") for part in services),
            ]
            yield f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def test_the_table_is_what_the_routes_say() -> None:
    after = PAGE.read_text().split("| route | customer | staff | services |\n")[1]
    table = after.split("\n\n")[0].splitlines()[1:]
    assert table == list(rows())
