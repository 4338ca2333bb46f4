"""A Prometheus of our own, which scrapes a running fleet and its auditor every second."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from fleet.services import ROOT, SERVICES
from tests.fleets import Fleet
from tests.observed.watched import HOME


@dataclass(frozen=True)
class Prometheus:
    """Asks it."""

    url: str

    def query(self, expression: str) -> list[Any]:
        """What an expression gives now."""
        asked = {"query": expression}
        answer = httpx.get(f"{self.url}/api/v1/query", params=asked).json()
        assert answer["status"] == "success", answer
        found: list[Any] = answer["data"]["result"]
        return found

    def rules(self) -> list[Any]:
        groups = httpx.get(f"{self.url}/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def auditor(fleet: Fleet, port: int) -> Iterator[None]:
    with _running(
        [sys.executable, "-m", "fleet.auditor", "--port", str(port), "--every", "1"],
        environment=fleet.environment,
    ):
        yield


@contextmanager
def prometheus(fleet: Fleet, folder: Path, port: int, auditor_port: int) -> Iterator[Prometheus]:
    """With the project's own rules, and its configuration but for where things are."""
    config = yaml.safe_load((HOME / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(HOME / "alerts.yml")]
    (scraped,) = config["scrape_configs"]
    del scraped["relabel_configs"]
    ports = {service.name: service.port(fleet.base) for service in SERVICES}
    scraped["static_configs"] = [
        {"targets": [f"127.0.0.1:{at}"], "labels": {"job": name}}
        for name, at in {**ports, "auditor": auditor_port}.items()
    ]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def _running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
