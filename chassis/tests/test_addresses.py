"""Addresses of the whole world: one model, and one list of countries."""

from typing import Any

import pytest
from pydantic import ValidationError

from chassis import Address, NewAddress
from chassis.addresses import COUNTRIES, WITHOUT_POSTAL_CODES

PLACE = {"line1": "1 Quay Street", "city": "Somewhere"}


def wrong(**members: Any) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as refused:
        NewAddress.model_validate(PLACE | members)
    return [error["loc"] for error in refused.value.errors()]


def test_every_country_is_one_of_the_world() -> None:
    assert len(COUNTRIES) == 249 + 1
    assert WITHOUT_POSTAL_CODES < COUNTRIES


@pytest.mark.parametrize("country", ["HK", "AE", "AO", "QA", "IE", "XK", "PA", "UG", "MO", "JM"])
def test_no_postal_code_is_made_up(country: str) -> None:
    for left_out in ({}, {"postal_code": None}):
        address = NewAddress.model_validate(PLACE | {"country": country} | left_out)
        assert Address.of(address).postal_code is None
    given = NewAddress.model_validate(PLACE | {"country": country, "postal_code": "T12 X"})
    assert given.postal_code == "T12 X"


@pytest.mark.parametrize("country", ["DE", "GB", "US", "FR", "JP", "SG", "IN", "BR", "ZA", "gb"])
def test_a_postal_code_is_asked_for_where_there_are_some(country: str) -> None:
    for left_out in ({}, {"postal_code": None}):
        assert wrong(country=country, **left_out) == [("postal_code",)]


@pytest.mark.parametrize(
    ("written", "kept"), [("gb", "GB"), (" Gb ", "GB"), ("XK", "XK"), ("xk", "XK"), ("SS", "SS")]
)
def test_a_country_is_taken_in_whatever_case(written: str, kept: str) -> None:
    address = NewAddress.model_validate(PLACE | {"country": written, "postal_code": "1"})
    assert address.country == kept


@pytest.mark.parametrize("country", ["", "XX", "UK", "GBR", "G", "ß", "G B", "\uff27\uff22", 1])
def test_nothing_else_is_a_country(country: object) -> None:
    # And the postal code is not found fault with, which nobody knows whether to ask for.
    assert wrong(country=country) == [("country",)]


def test_an_address_kept_long_ago_is_read() -> None:
    kept = '{"line1": "Old Road", "city": "Nowhere", "country": "YU", "extra": 1}'
    assert Address.model_validate_json(kept).country == "YU"
