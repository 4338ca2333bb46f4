"""What dashboards and alerts name exists; and every alert has its section and its test."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from chassis.app import load_app
from fleet import auditor
from fleet.services import ROOT, SERVICES
from tests.observed.watched import HOME, Watched, alerts, metrics_in, panels, rules

RUNBOOK = ROOT / "docs" / "operations.md"


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every metric that a service or the auditor shows, whether or not it has a value yet."""
    for service in SERVICES:
        load_app(service.folder)
    assert auditor.VIOLATIONS
    found = {"up", *(rule.record for rule in rules() if rule.record)}
    for family in REGISTRY.collect():
        endings = {"counter": ("_total",), "histogram": ("_count", "_sum", "_bucket")}
        found |= {family.name + ending for ending in endings.get(family.type, ("",))}
    return found


@pytest.mark.parametrize("watched", [*rules(), *panels()], ids=lambda each: each.name)
def test_every_metric_exists(watched: Watched, known: set[str]) -> None:
    names = metrics_in(watched.expression)
    assert names
    assert names <= known


@pytest.mark.parametrize("alert", alerts())
def test_alert_has_its_section_in_the_runbook(alert: str) -> None:
    assert alerts()[alert]["annotations"]["runbook"] == f"docs/operations.md#{alert.lower()}"
    section = RUNBOOK.read_text().split(f"\n### {alert}\n")[1].split("\n##")[0]
    assert len(section.split()) > 20


def test_runbook_has_no_alert_that_is_none() -> None:
    text = RUNBOOK.read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == list(alerts())


@pytest.mark.parametrize("alert", alerts())
def test_alert_is_tested_to_fire_and_not_to(alert: str) -> None:
    document: dict[str, Any] = yaml.safe_load((HOME / "alerts.test.yml").read_text())
    cases = [case for test in document["tests"] for case in test["alert_rule_test"]]
    fires = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert}
    assert fires == {True, False}


def test_who_watches_is_asked_for_and_may_do_little() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    watchers = {name for name, each in services.items() if each.get("profiles")}
    assert watchers == {"auditor", "prometheus", "grafana", "jaeger"}
    for name in watchers:
        found = services[name]
        assert found["profiles"] == ["observability"]
        assert re.search(r":v?\d+\.\d+\.\d+$", found["image"]) or name == "auditor"
        assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])
        assert all(
            port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in found.get("ports", ())
        )
        for volume in found.get("volumes", ()):
            assert not volume.startswith(".") or (ROOT / volume.split(":")[0]).exists(), volume


def test_prometheus_scrapes_every_service() -> None:
    document = yaml.safe_load((HOME / "prometheus.yml").read_text())
    (scraped,) = document["scrape_configs"]
    named = {f"{service.name}:{service.port(8000)}" for service in SERVICES} | {"auditor:8011"}
    assert set(scraped["static_configs"][0]["targets"]) == named
