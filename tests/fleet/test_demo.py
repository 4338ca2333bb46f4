"""The demo's catalogue is fit to be seen, and the demo says when there is no fleet."""

from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from fleet import demo, instance
from fleet.demo_catalogue import BODIES, PRODUCTS
from fleet.instance import Running
from fleet.narrator import pretty
from fleet.replay import __main__ as replay

from .test_replay import HEADER


def test_the_catalogue_is_complete() -> None:
    assert len({product["sku"] for product in PRODUCTS}) == len(PRODUCTS) == 60
    assert set(Counter(product["category"] for product in PRODUCTS).values()) == {10}
    for product in PRODUCTS:
        assert 0 < Decimal(product["price"]) < 200
        assert product["description"].endswith(".")
        assert product["attributes"]


def test_all_that_is_bought_is_sold_and_in_stock() -> None:
    skus = {product["sku"] for product in PRODUCTS}
    assert demo.BASKET.keys() <= skus
    assert {row["sku"] for row in BODIES["stock"]["stock"]} == skus


def test_a_fleet_that_does_not_run(
    port_base: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PORT_BASE", str(port_base))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert demo.main() == 1
    said = capsys.readouterr()
    assert said.err.startswith("No answer from product_catalogue (http://127.0.0.1:")
    assert "Start the fleet first: make up" in said.err
    assert said.out == ""


def test_a_fleet_on_other_ports_is_found_without_their_being_named(
    port_base: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running = Running(1, "127.0.0.1", port_base, str(tmp_path))
    monkeypatch.setattr(instance, "find", lambda _: running)
    data = tmp_path / "invoices.csv"
    data.write_text(HEADER + "536365,85123A,HEART,6,2010-12-01T08:26:00,2.55,17850,X\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for play in (demo.main, partial(replay.main, [str(data)])):
        assert play() == 1
        assert f"product_catalogue (http://127.0.0.1:{port_base + 1})" in capsys.readouterr().err


def test_short_json_stays_on_its_line() -> None:
    assert pretty({"a": [1, "é"]}) == '{"a": [1, "é"]}'
    assert pretty({"a": "x" * 90, "b": []}) == '{\n  "a": "' + "x" * 90 + '",\n  "b": []\n}'
