"""What docker-compose.prod.yml adds, read as Compose reads it."""

import re
from typing import Any

import pytest
import yaml

from chassis.outside import PORT
from fleet import keys, secret_files
from fleet.services import BY_NAME, ROOT, SERVICES, Service

EVERY = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

TEXT = (ROOT / "docker-compose.prod.yml").read_text()


class ComposeLoader(yaml.SafeLoader):
    """Knows Compose's own tags: `!reset` takes away what the first file says, `!override` takes
    its place."""


def replacement(loader: Any, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


ComposeLoader.add_constructor("!reset", lambda *_: None)
ComposeLoader.add_constructor("!override", replacement)


def production() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(TEXT, ComposeLoader)  # noqa: S506  # a SafeLoader
    return document


@EVERY
def test_service_asks_for_tokens(service: Service) -> None:
    environment = production()["services"][service.name]["environment"]
    assert (environment["AUTH_MODE"], environment["ENVIRONMENT"]) == ("enforce", "production")
    assert environment["KEYS_DIR"] == "/run/secrets"
    for variable in ("OIDC_ISSUER", "OIDC_AUDIENCE"):
        # Compose does not start without it.
        assert environment[variable].startswith(f"${{{variable}:?")


LIMITS = {"RATE_LIMIT": SERVICES, "MOST_OF_A_SKU": [BY_NAME["order"]]}
LIMITS["MOST_RESERVATIONS"] = [BY_NAME["warehouse"]]


@pytest.mark.parametrize("variable", LIMITS)
def test_callers_are_limited_unless_somebody_says_otherwise(variable: str) -> None:
    laptop = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for service in LIMITS[variable]:
        assert laptop[service.name]["environment"][variable] == f"${{{variable}:-}}"
        given = production()["services"][service.name]["environment"][variable]
        # Not ":-": what is set to nothing stays nothing, which is no limit.
        assert re.fullmatch(rf"\$\{{{variable}-[1-9]\d+\}}", given)
        assert laptop[service.name]["environment"]["RATE_WINDOW"] == "${RATE_WINDOW:-}"


@EVERY
def test_service_has_its_own_secrets(service: Service) -> None:
    """Its password; its private key, if it calls anybody; the two public ones of its callers."""
    password, *others = production()["services"][service.name]["secrets"]
    assert password == {"source": f"{service.name}_db_password", "target": "database_password"}
    own = {f"{service.name}.key"} if service.calls else set()
    callers = {
        f"{other.name}.{which}"
        for other in SERVICES
        if service.name in other.calls
        for which in ("pub", "next.pub")
    }
    assert set(others) == own | callers


@EVERY
def test_service_shares_networks_with_its_peers_only(service: Service) -> None:
    called = {f"{service.name}-{peer}" for peer in service.calls}
    calling = {f"{each.name}-{service.name}" for each in SERVICES if service.name in each.calls}
    found = production()["services"][service.name]
    networks = found["networks"]
    assert set(networks) == {"published", f"{service.name}-postgres"} | called | calling
    assert {name for name, settings in networks.items() if settings} == calling
    for name in calling:
        assert networks[name] == {"aliases": [f"{service.name}.peers"]}
    urls = {
        BY_NAME[peer].url_variable: f"http://{peer}.peers:{BY_NAME[peer].port(8000)}"
        for peer in service.calls
    }
    assert urls.items() <= found["environment"].items()


def test_networks_lead_nowhere_else() -> None:
    """Nobody reaches another where ports are published; and the world, from one container alone."""
    networks, services = production()["networks"], production()["services"]
    bridge = "com.docker.network.bridge"
    assert networks.pop("published")["driver_opts"] == {
        f"{bridge}.enable_icc": "false",
        f"{bridge}.enable_ip_masquerade": "false",
    }
    assert networks.pop("outside") == {}
    assert all(settings == {"internal": True} for settings in networks.values())
    assert [name for name, each in services.items() if "outside" in each.get("networks", ())] == [
        "outside"
    ]


def test_the_way_out_is_bounded_and_has_no_secret() -> None:
    found = production()["services"]["outside"]
    assert not {"secrets", "ports", "volumes"} & found.keys()
    assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])
    assert found["mem_limit"]
    assert found["pids_limit"]
    for service in SERVICES:
        environment = production()["services"][service.name]["environment"]
        assert environment["OIDC_JWKS_URL"] == f"http://outside:{PORT}/keys"
        # Where no collector is named, nothing is sent.
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == (
            f"${{OTEL_EXPORTER_OTLP_ENDPOINT:+http://outside:{PORT}}}"
        )
        assert f"{service.name}-postgres" in found["networks"]


def test_secrets_are_those_that_are_made() -> None:
    pairs = {f"{name}.{half}" for name in keys.CALLERS for half in ("key", "pub", "next.pub")}
    assert set(production()["secrets"]) == {*secret_files.NAMES, *pairs}


def test_no_password_stands_in_it_and_no_database_is_published() -> None:
    postgres = production()["services"]["postgres"]
    assert "ports" in postgres
    assert not postgres["ports"]
    for name in ("postgres", "schema"):
        assert not [
            each for each in production()["services"][name]["environment"].values() if "${" in each
        ]
    assert not re.findall(r"\$\{\w*(?:PASSWORD|ISSUER|AUDIENCE):-", TEXT)
    assert not re.findall(r"://\w+:[^@/\s]*@", TEXT)


def test_what_watches_comes_to_the_services() -> None:
    services = production()["services"]
    everywhere = {f"{service.name}-postgres" for service in SERVICES}
    assert set(services["prometheus"]["networks"]) == {"watchers", "schema-postgres"} | everywhere
    assert not services["prometheus"]["ports"]
    assert set(services["grafana"]["networks"]) == {"published", "watchers"}
    assert services["auditor"]["networks"] == ["schema-postgres"]
    # What stays of the first file is on no network of theirs, and does not start.
    assert services["jaeger"]["profiles"] == ["laptop"]
