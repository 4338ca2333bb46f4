"""Text in one form: what is taken out, what stays, and that it stays as it is then."""

import unicodedata
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from chassis import Attributes, LongText, Text
from chassis.fields import Input
from chassis.texts import MOST_CHARACTERS, MOST_MARKS, in_lines, one_form


class Note(Input):
    name: Annotated[Text, Field(max_length=5)]
    about: Annotated[LongText, Field(max_length=20)] | None = None
    attributes: Attributes = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Jose\u0301", "Jos\xe9"),
        ("\u1112\u1161\u11ab", "\ud55c"),  # Hangul by its letters
        ("\u212b", "\xc5"),  # the sign for ångström
        ("  Tea\u3000", "Tea"),
        ("\ufeffTea\u2003", "Tea"),
        ("Te\u00ada", "Tea"),
        ("T\u200be\u2060a", "Tea"),
        ("\u202aTea\u202c", "Tea"),
        ("T\x07e\x7fa\x9f", "Tea"),
        ("Te\r\n\ta", "Tea"),
        ("e\u200b\u0301", "\xe9"),  # what stood between letter and accent is gone
        ("a\u200d\u200c\u200db", "a\u200db"),
        ("\u200dTea\u200c", "Tea"),
        ("Tea \u200d bag", "Tea  bag"),
        ("1\u200d2", "12"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),  # Persian
        ("\u0915\u094d\u200d\u0937", None),  # Devanagari: a half letter
        ("\u0d05\u0d35\u0d28\u0d4d\u200d", None),  # Malayalam: a joiner ends the word
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", None),  # Sinhala
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", None),
        ("\U0001f3f3\ufe0f\u200d\U0001f308", None),
        ("\U0001f9d1\U0001f3fd\u200d\U0001f680", None),
        ("\U0001f642\u200d\u2194\ufe0f", None),
        ("\u2764\ufe0f\u200d\U0001f525", None),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("Tea\U000e0067\U000e007f", "Tea"),
        ("\U0001f600\u200c\U0001f600", "\U0001f600\U0001f600"),
    ],
)
def test_text_in_one_form(given: str, kept: str | None) -> None:
    assert one_form(given) == (given if kept is None else kept)


def test_lines_stay_in_long_texts() -> None:
    assert in_lines("\r\n One\r\n\ttwo\rthree\x00".strip("\x00") + "\x0b\n") == "One\n\ttwo\nthree"


@pytest.mark.parametrize(
    "text",
    [
        "\x00", "a\x00b", "\ud800", "a\udfffb",
        " ", "\n\t", "\x07", "\u200b", "\u00ad\ufeff", "\u3164", "\u2800", "\u115f\u1160",
        "\uffa0", "\u2065", "\ufff0", "\U0001d159", "\u034f", "\ufe0f",
        "\u180e", "\u2066\u2069", "\U000e0020", "\U000e0100",
        "a" * (MOST_CHARACTERS + 1), "a" + "\u0301" * (MOST_MARKS + 1),
    ],
)  # fmt: skip
def test_what_is_no_text(text: str) -> None:
    for form in (one_form, in_lines):
        with pytest.raises(ValueError, match="must not"):
            form(text)


def test_marks_without_end_take_no_time() -> None:
    """To put these in order would take seconds."""
    with pytest.raises(ValueError, match="marks"):
        one_form("a" + "\u0301\u0323" * (MOST_CHARACTERS // 2 - 1))


TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\u200c\u200d\u094d\ufe0f\U0001f3f4\U000e0067\U000e007f\u0301\u0338 \n\r"),
    )
)


@settings(max_examples=2000, deadline=None)
@given(TEXTS)
def test_one_form_is_the_only_one(text: str) -> None:
    for form in (one_form, in_lines):
        try:
            kept = form(text)
        except ValueError as refused:
            assert str(refused).startswith("must not")  # noqa: PT017  # either way is right
            continue
        assert form(kept) == kept
        assert unicodedata.is_normalized("NFC", kept)
        assert kept == kept.strip() != ""
        kept.encode()
        control = {char for char in kept if unicodedata.category(char) == "Cc"}
        assert control <= ({"\n", "\t"} if form is in_lines else set())
        assert form(unicodedata.normalize("NFD", text)) == kept


@settings(max_examples=500, deadline=None)
@given(st.text(), st.text())
def test_joiners_between_letters_stay(before: str, after: str) -> None:
    for joiner in "\u200c\u200d":
        text = f"{before} \u0915{joiner}\u0937 {after}"
        try:
            assert f"\u0915{joiner}\u0937" in one_form(text)
        except ValueError as refused:
            assert "must not" in str(refused)  # noqa: PT017  # NUL, say


def test_lengths_are_those_of_what_is_kept() -> None:
    assert Note(name=" e\u0301\u200b" + "e\u0301" * 4 + " ").name == "\xe9" * 5
    with pytest.raises(ValidationError, match="at most 5"):
        Note(name="e\u0301" * 6)


def test_attributes_are_in_one_form_names_too() -> None:
    attributes = TypeAdapter[dict[str, Any]](Attributes)
    given = {"Gro\u0308\xdfe\u200b": ["XL ", {"a": "one\r\ntwo"}], "none": ""}
    assert attributes.validate_python(given) == {
        "Gr\xf6\xdfe": ["XL", {"a": "one\ntwo"}],
        "none": "",
    }
    for wrong in ({"a": "\u200b"}, {"\u200b": 1}, {"a": 1, "a ": 2}, {"a": ["\ud800"]}):
        with pytest.raises(ValidationError):
            attributes.validate_python(wrong)
