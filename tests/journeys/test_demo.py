"""What the demo shows is what happens, and may be pasted."""

import json
import re
import subprocess

import pytest

from fleet.demo_catalogue import PRODUCTS
from fleet.services import ROOT
from tests.fleets import Fleet

# A curl command, its lines joined by backslashes; then JSON, until an empty line.
CALL = re.compile(r"^(curl -s (?:.*\\\n)*.*)\n((?:.+\n)+)\n", re.MULTILINE)


@pytest.fixture(scope="module")
def shown(fleet: Fleet) -> str:
    demo = fleet.run("fleet.demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    return demo.stdout


def test_a_purchase_from_catalogue_to_parcel(shown: str) -> None:
    answers = [json.loads(answer) for _, answer in CALL.findall(shown)]
    order, shipment = answers[-2:]
    assert order["status"] == "fulfilled"
    assert len(order["lines"]) == 3
    assert shipment["order_id"] == order["order_id"]
    assert f"tracking number is {shipment['tracking_number']}." in shown
    assert "invariants are broken." in shown


def test_every_call_may_be_pasted(shown: str) -> None:
    """Its key makes a POST safe to repeat: the answer is the one that was shown."""
    calls = CALL.findall(shown)
    assert len(calls) >= 13
    for command, answer in calls:
        pasted = subprocess.run(  # noqa: S602  # as a person would
            command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
        )
        if "Idempotency-Key" in command:
            assert json.loads(pasted.stdout) == json.loads(answer)
        else:
            assert json.loads(pasted.stdout).keys() == json.loads(answer).keys()


def test_it_may_be_run_again(fleet: Fleet, shown: str) -> None:
    again = fleet.run("fleet.demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f'"updated": {len(PRODUCTS)}' in again.stdout
    assert again.stdout.count('"created": 0') == 1
    customers = set(re.findall(r'"customer_id": "([^"]+)"', again.stdout))
    assert customers == set(re.findall(r'"customer_id": "([^"]+)"', shown))
