"""Money, cursors, settings: what needs neither a database nor a request."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from chassis import Amount, Attributes, InvalidRequest, Settings, to_major, to_minor
from chassis.lists import decode, encode
from chassis.money import DECIMALS, MAXIMUM, maximum
from chassis.settings import load, with_peers
from chassis.strict import parse


@pytest.mark.parametrize("currency", sorted(DECIMALS))
def test_money_survives_the_way_in_and_out(currency: str) -> None:
    for minor in (0, 1, 9, 10, 99, 100, 123456, 999_999_999_999):
        assert to_minor(Decimal(to_major(minor, currency)), currency) == minor


def test_more_decimals_than_the_currency_has() -> None:
    """Zeros count too: who writes 500.00 JPY may take the yen for a hundredth of itself."""
    written = "0.001 EUR", "19.990 EUR", "0.1 JPY", "500.0 JPY", "500.00 JPY", "1.0000 KWD"
    for amount, currency in (each.split() for each in written):
        with pytest.raises(InvalidRequest):
            to_minor(Decimal(amount), currency)
    for amount, currency, minor in (
        ("19.9", "EUR", 1990),
        ("5E+2", "JPY", 500),
        ("7", "KWD", 7000),
    ):
        assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize("currency", sorted(DECIMALS))
def test_largest_amount_is_one(currency: str) -> None:
    largest = TypeAdapter(Amount).validate_python(format(maximum(currency), "f"))
    above = Decimal(to_major(to_minor(largest, currency) + 1, currency))
    assert largest <= MAXIMUM < above


@pytest.mark.parametrize("value", [float("nan"), 1.5, True, None, [], {}, "1e3", "", ".5", "5."])
def test_what_is_no_amount(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Amount).validate_python(value)


def test_cursor_comes_back_and_nothing_else_does() -> None:
    assert decode(encode("A", 5), str, int) == ["A", 5]
    assert decode(None, str) is None
    for cursor in ("", "!", "bnVsbA", encode("A"), encode("A", "B"), encode("\x00", 5), "W" * 2000):
        with pytest.raises(InvalidRequest):
            decode(cursor, str, int)


@pytest.mark.parametrize("raw", [b"NaN", b"1e400", b"[" * 100_000, b"\xff", b"", b"9" * 5000])
def test_what_is_no_json(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(raw)


def test_attributes_keep_what_jsonb_keeps() -> None:
    attributes = TypeAdapter(Attributes)
    assert attributes.validate_python({"a": [Decimal("1.5"), "x", None]}) == {"a": [1.5, "x", None]}
    deep: Any = "x"
    for _ in range(7):
        deep = {"a": deep}
    for wrong in ({"a": "\x00"}, {"\ud800": 1}, {"a": Decimal("0.1234567890123456789")}, deep):
        with pytest.raises(ValidationError):
            attributes.validate_python(wrong)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("OTHER_URL", None, "sample: OTHER_URL is not set."),
        ("OTHER_URL", "nonsense", "sample: OTHER_URL is wrong: "),
        ("DATABASE_URL", None, "sample: DATABASE_URL is not set."),
        ("DATABASE_POOL_SIZE", "0", "sample: DATABASE_POOL_SIZE is wrong: "),
        ("LOG_LEVEL", "loud", "sample: LOG_LEVEL is wrong: "),
    ],
)
def test_wrong_variable_is_named_in_one_line(
    variable: str,
    value: str | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@localhost/shop")
    monkeypatch.setenv("OTHER_URL", "http://other")
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        load(with_peers(Settings, ("other",)), "sample")
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(says)
    assert len(said.splitlines()) == 1
