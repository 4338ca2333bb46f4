"""The list of what the fleet is made of, after `make sbom` has written it and checked its form."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from fleet.services import ROOT


@pytest.fixture(scope="module")
def bom() -> Any:
    return json.loads(Path(os.environ["SBOM"]).read_text())


def test_it_is_cyclonedx(bom: Any) -> None:
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["name"] == "shop"


def test_every_locked_package_is_in_it(bom: Any) -> None:
    lock = (ROOT / "requirements.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)", lock, re.MULTILINE))
    listed = {(each["name"], each["version"]) for each in bom["components"]}
    assert len(locked) > 20
    assert listed == locked


def test_every_package_has_its_hashes_and_its_url(bom: Any) -> None:
    for each in bom["components"]:
        assert each["purl"].startswith(f"pkg:pypi/{each['name']}@{each['version']}"), each["name"]
        hashes = [
            found["content"]
            for reference in each["externalReferences"]
            for found in reference.get("hashes", ())
        ]
        assert hashes, each["name"]
