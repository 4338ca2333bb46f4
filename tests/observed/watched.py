"""What is watched: the dashboards' panels and the alerts, with their expressions."""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from fleet.services import ROOT

HOME = ROOT / "observability"

# Of PromQL, as far as it is used here.
WORDS = {"absent", "and", "by", "count", "histogram_quantile", "increase", "max", "or"}
WORDS |= {"min_over_time", "rate", "sum", "time"}


@dataclass(frozen=True)
class Watched:
    """A panel, a rule or an alert. `record` is what a rule calls its result."""

    name: str
    expression: str
    record: str = ""


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in _rules() if "alert" in rule}


def rules() -> list[Watched]:
    return [
        Watched(rule.get("alert") or rule["record"], rule["expr"], rule.get("record", ""))
        for rule in _rules()
    ]


def _rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((HOME / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[Watched]:
    return [
        Watched(f"{file.stem}: {panel['title']}", target["expr"])
        for file in sorted((HOME / "grafana" / "dashboards").glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    ]


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics that an expression reads."""
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|on) \([^)]*\)', " ", expression)
    return set(re.findall(r"[a-z_][a-z0-9_:]*", bare)) - WORDS
