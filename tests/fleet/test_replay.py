"""How the file is read, and what is decided to buy and to give back."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from fleet.failure import Failure
from fleet.replay import invoices, plan
from fleet.replay.journal import Entry, Journal
from fleet.replay.plan import Cancellation, Plan, Purchase
from fleet.replay.preparation import demand

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def planned(tmp_path: Path, *rows: str, limit: int | None = None) -> Plan:
    """Rows are `invoice,code,quantity,price,customer`."""
    return plan.make(invoices.read(written(tmp_path, *rows), limit))


def written(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "invoices.csv.gz"
    lines = []
    for row in rows:
        invoice, code, quantity, price, customer = row.split(",")
        lines.append(f"{invoice},{code}, NAME ,{quantity},2010-12-01T08:26:00,{price},{customer},X")
    path.write_bytes(gzip.compress((HEADER + "\n".join(lines) + "\n").encode()))
    return path


def test_a_purchase(tmp_path: Path) -> None:
    made = planned(tmp_path, "1,85123A,6,2.55,17", "1,71053,2,3.4,17", "1,85123A,1,2.55,17")
    (purchase,) = made.invoices
    assert purchase == Purchase(
        "1",
        "customer-17",
        [("85123A-2.55", 6), ("71053-3.40", 2), ("85123A-2.55", 1)],
        Decimal("24.65"),
    )
    assert made.products["71053-3.40"].name == "NAME"
    assert demand(made.invoices) == {"85123A-2.55": 7, "71053-3.40": 2}


def test_every_price_of_a_code_is_a_product(tmp_path: Path) -> None:
    made = planned(tmp_path, "1,85123A,1,2.55,1", "2,85123A,1,2.1,1", "3,85123a,1,2.55,1")
    assert list(made.products) == ["85123A-2.55", "85123A-2.10", "85123a-2.55"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,POST,1,18,17", plan.NO_PRODUCT),
        ("1,DCGS0003,1,1.25,17", plan.NO_PRODUCT),
        ("1,22139,56,0,17", plan.NO_PRICE),
        ("1,22139,-10,0,17", plan.NO_PRICE),
        ("1,22139,-10,1,17", plan.NOT_BOUGHT),
        ("1,22139,1,0.001,17", plan.NO_PENCE),
        ("1,23166,74215,1.04,17", plan.TOO_MANY),
    ],
)
def test_a_line_that_is_skipped(tmp_path: Path, row: str, reason: str) -> None:
    made = planned(tmp_path, row, "1,71053,2,3.39,17", "2,POST,1,18,17")
    assert made.skipped == {reason: 1} | {plan.NO_PRODUCT: 1 + (reason == plan.NO_PRODUCT)}
    (purchase,) = made.invoices
    assert isinstance(purchase, Purchase)
    assert purchase.total == Decimal("6.78")
    assert made.refused == {plan.NOTHING_LEFT: 1}


def test_lines_of_one_product_add_up_in_the_cart(tmp_path: Path) -> None:
    made = planned(tmp_path, "1,71053,600,1,17", "1,71053,400,1,17", "1,71053,399,1,17")
    assert made.skipped == {plan.TOO_MANY: 1}
    assert demand(made.invoices) == {"71053-1.00": 999}


def test_guests_are_customers_of_their_own(tmp_path: Path) -> None:
    made = planned(tmp_path, "1,71053,1,1,", "2,71053,1,1,", "C3,71053,-1,1,")
    assert [each.customer for each in made.invoices] == ["guest-1", "guest-2"]
    assert made.refused == {plan.NO_PURCHASE: 1}


def test_a_cancellation_finds_its_purchase(tmp_path: Path) -> None:
    made = planned(
        tmp_path,
        "1,71053,5,1.5,17",
        "2,71053,3,1.5,17",
        "3,71053,9,1.5,18",  # another customer's
        "C4,71053,-2,1.5,17",  # the latest that has that many: 2
        "C5,71053,-2,1.5,17",  # 2 has one left, so 1
        "C6,71053,-4,1.5,17",  # 1 has three left
        "C7,71053,-1,1.6,17",  # never bought at that price
        "C8,71053,-3,1.5,17",
    )
    cancelled = [each for each in made.invoices if isinstance(each, Cancellation)]
    assert [(each.invoice, each.refunds) for each in cancelled] == [
        ("C4", {"2": Decimal("3.0")}),
        ("C5", {"1": Decimal("3.0")}),
        ("C8", {"1": Decimal("4.5")}),
    ]
    assert made.skipped == made.refused == {plan.NO_PURCHASE: 2}


def test_an_adjustment_is_no_invoice(tmp_path: Path) -> None:
    assert planned(tmp_path, "A1,B,1,11062.06,").refused == {plan.BAD_DEBT: 1}


def test_the_limit_counts_invoices_and_takes_them_whole(tmp_path: Path) -> None:
    rows = ("1,71053,1,1,17", "2,71053,1,1,17", "1,22139,1,1,17", "3,71053,1,1,17")
    made = planned(tmp_path, *rows, limit=2)
    assert made.read == 2
    assert [len(each.items) for each in made.invoices if isinstance(each, Purchase)] == [2, 1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("InvoiceNo,StockCode\n", "lacks the columns CustomerID, Description, Quantity, UnitPrice"),
        (HEADER + "1,71053,X,one,2010-12-01T08:26:00,1,17,X\n", "makes no sense"),
        (HEADER + "1,71053,X,1,2010-12-01T08:26:00,one,17,X\n", "makes no sense"),
        (HEADER + "1,71053,X\n", "makes no sense"),
    ],
)
def test_another_file(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text(text)
    with pytest.raises(Failure, match=why):
        invoices.read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        invoices.read(tmp_path / "none.csv")


def test_a_journal_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "replay" / "journal.jsonl"
    journal = Journal(path)
    journal.add(Entry("1", order_id="o", payment_id="p"))
    journal.add(Entry("C2", refunds={"1": "1.50"}))
    journal.close()
    with path.open("a") as file:
        file.write('{"invoice": "3", "order')
    again = Journal(path)
    assert again.entries == journal.entries
    again.add(Entry("3", refused="order says 422"))
    again.close()
    third = Journal(path)
    third.close()
    assert third.entries.keys() == {"1", "C2", "3"}
