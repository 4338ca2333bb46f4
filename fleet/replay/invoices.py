"""The file as it is: one row an invoice's line, in the order in which they were written."""

import csv
import gzip
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO

from ..failure import Failure

COLUMNS = {"InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice", "CustomerID"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row; a quantity below zero takes something back."""

    invoice: str
    code: str
    description: str
    quantity: int
    price: Decimal
    customer: str

    @property
    def sku(self) -> str:
        """A code is sold at several prices in a year; each of them is a product here."""
        return f"{self.code}-{self.price:.2f}"


def read(path: Path, limit: int | None = None) -> list[list[Line]]:
    """The first `limit` invoices, each as its lines. Raises Failure when this is not the file."""
    try:
        with _open(path) as file:
            return _invoices(file, limit)
    except (OSError, EOFError) as error:
        raise Failure(f"{path} cannot be read: {error}.") from error
    except (ValueError, TypeError, InvalidOperation, csv.Error) as error:
        raise Failure(f"{path} has a row that makes no sense: {error}.") from error


def _open(path: Path) -> IO[str]:
    # Other copies of the file write the pound sign in another encoding; no product needs it.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _invoices(file: IO[str], limit: int | None) -> list[list[Line]]:
    rows = csv.DictReader(file)
    if missing := COLUMNS - set(rows.fieldnames or ()):
        raise Failure(
            f"The data lacks the columns {', '.join(sorted(missing))}: it is not Online Retail as "
            "CSV. Find it at https://doi.org/10.24432/C5BW33"
        )
    invoices: dict[str, list[Line]] = {}
    for row in rows:
        number = row["InvoiceNo"]
        # Not all lines of an invoice stand together, so every row is looked at.
        if number in invoices:
            invoices[number].append(_line(row))
        elif limit is None or len(invoices) < limit:
            invoices[number] = [_line(row)]
    return list(invoices.values())


def _line(row: dict[str, str]) -> Line:
    return Line(
        invoice=row["InvoiceNo"],
        code=row["StockCode"],
        description=row["Description"].strip(),
        quantity=int(row["Quantity"]),
        price=Decimal(row["UnitPrice"]),
        customer=row["CustomerID"].removesuffix(".0"),
    )
