"""Each column of a text says whether it is personal. What is, a journey erases and exports:
tests/journeys/test_personal_data.py."""

from pathlib import Path

import pytest

from fleet.services import ROOT
from tests import personal

CUSTOMER = ROOT / "customerService" / "db" / "schema.sql"


@pytest.mark.parametrize("file", personal.files(), ids=lambda file: file.parts[-3])
def test_each_column_says_whether_it_is_personal(file: Path) -> None:
    assert personal.read(file.read_text()).faults() == []


CARELESS = {
    "an optional field": (
        "    erased_at   timestamptz,",
        "    nickname    text,\n    erased_at   timestamptz,",
        ["customer.customers.nickname is not marked at the end of its db/schema.sql"],
    ),
    "a field added later": (
        "-- personal:",
        "ALTER TABLE customer.customers\n    ADD COLUMN IF NOT EXISTS born date;\n-- personal:",
        ["customer.customers.born is not marked at the end of its db/schema.sql"],
    ),
    "several in one": (
        "    erased_at   timestamptz,",
        "    tags        text[],\n    photo bytea,\n    erased_at   timestamptz,",
        [
            "customer.customers.photo is not marked at the end of its db/schema.sql",
            "customer.customers.tags is not marked at the end of its db/schema.sql",
        ],
    ),
    "a mark too many": (
        "-- personal: customers (",
        "-- personal: customers (nickname, ",
        ["customer.customers.nickname is not there"],
    ),
    "both": (
        "-- not personal: ",
        "-- not personal: customers (phone), ",
        ["customer.customers.phone is marked twice"],
    ),
}


@pytest.mark.parametrize("change", CARELESS.values(), ids=CARELESS.keys())
def test_a_careless_change_is_noticed(change: tuple[str, str, list[str]]) -> None:
    before, after, faults = change
    sql = CUSTOMER.read_text()
    assert before in sql
    assert personal.read(sql.replace(before, after, 1)).faults() == faults
