"""Ten folders of one shape, and files that agree with one another."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.services import BY_NAME, ROOT, SERVICES, Service

EVERY = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

TABLES = {
    "product_catalogue": {"product.products"},
    "cart": {"cart.cartlines"},
    "order": {"orders.orders", "orders.order_lines"},
    "transaction": {"payment.transactions"},
    "customer": {"customer.customers"},
    "payment": {"payment.payments"},
    "search": {"search.index"},
    "shipping": {"shipping.shipments"},
    "warehouse": {"warehouse.stock"},
    "fulfilment": {"fulfilment.jobs"},
}


def read(service: Service, path: str) -> str:
    return (ROOT / service.folder / path).read_text()


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE)
    return dict(found)


@EVERY
def test_folder_has_its_parts(service: Service) -> None:
    for part in (
        "app/__init__.py",
        "app/main.py",
        "app/routes.py",
        "db/schema.sql",
        "Dockerfile",
        "Dockerfile.dockerignore",
        "requirements.in",
        "requirements.txt",
    ):
        assert (ROOT / service.folder / part).is_file(), part
    assert list((ROOT / service.folder / "tests").glob("test_*.py"))
    assert not (ROOT / service.folder / "__init__.py").exists()


@EVERY
def test_tables_have_their_names(service: Service) -> None:
    sql = read(service, "db/schema.sql")
    made = set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+\.\w+)", sql))
    assert made >= TABLES[service.name]
    assert {table.split(".")[0] for table in made} == {service.schema}


def test_idempotency_tables_are_one_table_ten_times() -> None:
    shapes = set()
    for service in SERVICES:
        table = f"{service.schema}.{service.name}_idempotency_keys"
        body = read(service, "db/schema.sql").split(f"CREATE TABLE IF NOT EXISTS {table} ")[1]
        shapes.add(body.split(";")[0])
    assert len(shapes) == 1


def test_containers_are_made_alike() -> None:
    for name in ("Dockerfile", "Dockerfile.dockerignore", "app/__init__.py"):
        shapes = {
            read(service, name)
            .replace(service.folder, "SERVICE")
            .replace(str(service.port(8000)), "PORT")
            for service in SERVICES
        }
        assert len(shapes) == 1, name


def test_no_package_in_two_versions() -> None:
    locks = [ROOT / service.folder / "requirements.txt" for service in SERVICES]
    locks += [ROOT / "chassis/requirements.txt", ROOT / "requirements.txt"]
    locks += [ROOT / "requirements-dev.txt"]
    versions: dict[str, set[str]] = {}
    for lock in locks:
        assert pins(lock), lock
        for package, version in pins(lock).items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_every_pin_is_hashed() -> None:
    for lock in ROOT.glob("*/requirements.txt"):
        for entry in re.split(r"\n(?=[a-z0-9])", lock.read_text().strip()):
            assert "--hash=sha256:" in entry, entry


@EVERY
def test_compose_agrees_with_the_registry(service: Service) -> None:
    found = compose()["services"][service.name]
    environment = found["environment"]
    port = service.port(8000)
    urls = {
        BY_NAME[peer].url_variable: f"http://{peer}:{BY_NAME[peer].port(8000)}"
        for peer in service.calls
    }
    assert {name: v for name, v in environment.items() if name.endswith("_URL")} == urls | {
        "DATABASE_URL": environment["DATABASE_URL"]
    }
    assert environment["DATABASE_URL"].startswith(f"postgresql://{service.name}_app:")
    assert found["ports"] == [
        f"${{BIND_ADDRESS:-127.0.0.1}}:${{{service.name.upper()}_PORT:-{port}}}:{port}"
    ]
    # It is told where that is: without tokens, it must be on this machine.
    assert environment["BIND_ADDRESS"] == "${BIND_ADDRESS:-127.0.0.1}"
    # And whose pages may call it, from where the operator says so for all.
    for variable in ("CORS_ORIGINS", "ALLOWED_HOSTS"):
        assert environment[variable] == f"${{{variable}:-}}"
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert f"EXPOSE {port}\n" in read(service, "Dockerfile")
    assert "USER 10001" in read(service, "Dockerfile")


def test_every_container_is_bounded() -> None:
    for name, container in compose()["services"].items():
        assert {"mem_limit", "pids_limit"} <= container.keys(), name
        assert container["pids_limit"] <= 400, name


@EVERY
def test_updated_at_is_the_clock(service: Service) -> None:
    """now() is when the unit of work began. One that then waited for another one's lock would
    write a time before that one's, and before the row was made: a CHECK refused it, seldom."""
    for path in (ROOT / service.folder / "app").glob("*.py"):
        assert "updated_at = now()" not in path.read_text(), path
