"""No text comes in as it was sent: each is brought into one form, or has to look like something."""

import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from chassis.app import load_app
from tests.house.test_plans import route_of, routes
from tests.house.test_skus import models

# Each as somebody's clipboard may have it; none is in the form that is kept.
SENT = (
    "Cafe\u0301",
    " Tea",
    "Te\u00ada",
    "\ufeffTEA",
    "te\u200bst",
    "12\u202c",
    "a\x07b",
    "EUR\u200e",
)
UNSTORABLE = ("A\x00", "\ud800", "tok_\x00")


def texts() -> Iterator[tuple[str, TypeAdapter[Any]]]:
    """Each field and parameter that takes a text, and what reads it."""
    for folder, method, path in sorted(routes()):
        dependant = route_of(load_app(folder), method, path).dependant
        for field in dependant.query_params:
            if field.alias == "cursor":
                continue  # read by its list, which takes nothing that it did not write itself
            yield from of(f"{folder} {path}?{field.alias}", field.field_info)
    for model in models():
        if model.__module__.startswith("chassis.tests"):
            continue
        for name, info in model.model_fields.items():
            yield from of(f"{model.__module__}.{model.__name__}.{name}", info)


def of(name: str, info: FieldInfo) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    kind: Any = info.annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        yield name, TypeAdapter(Annotated[kind, info])


TEXTS = dict(texts())


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_text_is_kept_in_one_form(name: str) -> None:
    reads = TEXTS[name]
    for sent in SENT:
        for given in (sent, {sent: sent}):
            try:
                kept = str(reads.validate_python(given))
            except ValidationError:
                continue
            odd = [char for char in kept if unicodedata.category(char) in ("Cc", "Cf")]
            assert not odd, (sent, kept)
            assert unicodedata.is_normalized("NFC", kept)
            assert kept == kept.strip()
    for bad in UNSTORABLE:
        for unstorable in (bad, {"a": bad}, {bad: 1}):
            with pytest.raises(ValidationError):
                reads.validate_python(unstorable)
