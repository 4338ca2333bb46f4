"""A SKU is the same everywhere, and one that no URL can name is none."""

from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from chassis import Input, Sku
from chassis.app import load_app
from tests.house.test_plans import route_of, routes

SKUS = TypeAdapter[str](Sku)


def models(of: type[Input] = Input) -> Iterator[type[Input]]:
    for model in of.__subclasses__():
        yield model
        yield from models(model)


def test_what_is_a_sku() -> None:
    for sku in ("A", "...", ".a", "a..", "..a", "._-", "x" * 64, "85123A"):
        assert SKUS.validate_python(sku) == sku
    for wrong in (".", "..", "", "x" * 65, "a b", "a/b", "é", "A\n", "%2e", 1):
        with pytest.raises(ValidationError):
            SKUS.validate_python(wrong)


def test_no_route_takes_a_sku_that_no_url_can_name() -> None:
    tried = set()
    for folder, method, path in routes():
        dependant = route_of(load_app(folder), method, path).dependant
        for field in (*dependant.path_params, *dependant.query_params):
            if field.alias == "sku":
                many = field in dependant.query_params
                assert not field.validate(["A"] if many else "A", loc=("sku",))[1]
                assert field.validate([".."] if many else "..", loc=("sku",))[1], (folder, path)
                tried.add(folder)
    for model in models():
        if "sku" in model.model_fields:
            with pytest.raises(ValidationError) as refused:
                model.model_validate({"sku": "."})
            assert ("sku",) in {error["loc"] for error in refused.value.errors()}, model
            tried.add(model.__module__.split(".")[0])
    assert tried >= {"cartService", "product_catalogueService", "searchService", "warehouseService"}
