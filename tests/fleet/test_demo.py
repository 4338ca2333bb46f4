"""The demo's catalogue is fit to be seen, and the demo says when there is no fleet."""

from collections import Counter
from decimal import Decimal

import pytest

from fleet import demo
from fleet.demo_catalogue import BODIES, PRODUCTS
from fleet.narrator import pretty


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
    port_base: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT_BASE", str(port_base))
    assert demo.main() == 1
    said = capsys.readouterr()
    assert said.err.startswith("No answer from product_catalogue (http://127.0.0.1:")
    assert "Start the fleet first: make up" in said.err
    assert said.out == ""


def test_short_json_stays_on_its_line() -> None:
    assert pretty({"a": [1, "é"]}) == '{"a": [1, "é"]}'
    assert pretty({"a": "x" * 90, "b": []}) == '{\n  "a": "' + "x" * 90 + '",\n  "b": []\n}'
