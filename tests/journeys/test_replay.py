"""A handful of invoices through the whole fleet: to the penny, and as often as one likes."""

import re
import secrets
from pathlib import Path

import pytest

from tests.fleets import Fleet
from tests.shop import Shop

INVOICES = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
500001,85123A,WHITE HEART,6,2010-12-01T08:26:00,2.55,17850,United Kingdom
500001,71053,WHITE LANTERN,6,2010-12-01T08:26:00,3.39,17850,United Kingdom
500001,85123A,WHITE HEART,2,2010-12-01T08:26:00,2.55,17850,United Kingdom
500001,POST,POSTAGE,1,2010-12-01T08:26:00,18.00,17850,United Kingdom
500002,22633,HAND WARMER,6,2010-12-01T08:28:00,1.85,13047,United Kingdom
500003,22633,HAND WARMER,1000,2010-12-01T08:28:00,1.85,13047,United Kingdom
500004,85123A,WHITE HEART,1,2010-12-01T08:34:00,5.91,,EIRE
C500005,85123A,WHITE HEART,-3,2010-12-01T09:00:00,2.55,17850,United Kingdom
C500006,22633,HAND WARMER,-6,2010-12-01T09:00:00,1.85,13047,United Kingdom
C500007,71053,WHITE LANTERN,-7,2010-12-01T09:00:00,3.39,17850,United Kingdom
500008,71053,WHITE LANTERN,1,2010-12-01T10:00:00,3.39,17850,United Kingdom
"""
# 8 hearts, 6 lanterns, 6 warmers, 1 heart, 1 lantern; less 3 hearts and 6 warmers.
REVENUE = "GBP 42.39"
PROGRESS = "Invoices   ["


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that no fleet has seen: what is done is remembered by its content."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    path = tmp_path / "invoices.csv"
    path.write_text(f"{INVOICES}500009,M,Manual {secrets.token_hex(8)},1,,1,,\n")
    return path


def journals(fleet: Fleet, data: Path) -> set[Path]:
    return set(Path(fleet.environment.get("DATA_DIR", data.parent)).glob("replay/*.jsonl"))


def assert_adds_up(fleet: Fleet, data: Path) -> str:
    done = fleet.run("fleet.replay", str(data), "--shoppers", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    for label, value in (
        ("Invoices read", "9"),
        ("  placed, paid and shipped", "4"),
        ("  cancellations refunded", "2"),
        ("  refused", "3"),
        ("Lines skipped", "4"),
        ("Revenue by the file", REVENUE),
        ("Revenue by our books", REVENUE),
    ):
        assert re.search(rf"^{label} +{value}$", done.stdout, re.MULTILINE), done.stdout
    assert "They agree to the penny." in done.stdout
    return done.stdout


def test_it_adds_up_however_often_it_is_run(fleet: Fleet, data: Path) -> None:
    before = journals(fleet, data)
    first = fleet.run("fleet.replay", str(data), "--limit", "3")
    assert first.returncode == 0, first.stdout + first.stderr
    (journal,) = journals(fleet, data) - before
    assert PROGRESS in assert_adds_up(fleet, data)
    assert PROGRESS not in assert_adds_up(fleet, data)  # nothing was left to do
    journal.unlink()
    assert PROGRESS in assert_adds_up(fleet, data)  # all of it anew, with the same keys


def test_an_invoice_that_was_cut_off_is_played_again(fleet: Fleet, data: Path) -> None:
    before = journals(fleet, data)
    assert_adds_up(fleet, data)
    (journal,) = journals(fleet, data) - before
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:3]) + lines[3][:20])
    assert_adds_up(fleet, data)


async def test_a_wrong_book_is_noticed(fleet: Fleet, data: Path, shop: Shop) -> None:
    before = journals(fleet, data)
    assert_adds_up(fleet, data)
    (journal,) = journals(fleet, data) - before
    (order_id,) = re.findall(r'"500008", "order_id": "([^"]+)"', journal.read_text())
    entry = {"order_id": order_id, "amount": "0.01", "currency": "GBP", "kind": "refund"}
    await shop.post("transaction", "/transactions", entry)
    done = fleet.run("fleet.replay", str(data))
    assert done.returncode == 1
    assert "THEY DO NOT AGREE." in done.stdout


def test_a_journal_of_another_fleet(fleet: Fleet, data: Path) -> None:
    before = journals(fleet, data)
    assert_adds_up(fleet, data)
    (journal,) = journals(fleet, data) - before
    text = re.sub(r'"order_id": "[^"]{4}', '"order_id": "0000', journal.read_text())
    journal.write_text(text)
    done = fleet.run("fleet.replay", str(data))
    assert done.returncode == 1
    assert "tells of orders that this fleet does not have" in done.stderr
