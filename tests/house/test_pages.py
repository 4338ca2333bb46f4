"""The OpenAPI pages are whole: for people who read them, and for programs that make clients."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from chassis.openapi import INTERNAL
from fleet.openapi import joined, pages
from fleet.services import BY_NAME, urls

NAMES = sorted(BY_NAME)
EVERY = pytest.mark.parametrize("name", NAMES)

# These say themselves what they are, and an id names the thing whose it is.
OBVIOUS = frozenset(
    {
        "city", "country", "created_at", "currency", "customer_id", "cart_id", "description",
        "detail", "email", "index", "job_id", "name", "order_id", "payment_id", "phone",
        "quantity", "refund_id", "reservation_id", "shipment_id", "sku", "status",
        "transaction_id", "type", "updated_at",
    }
)  # fmt: skip


@cache
def page_of(name: str) -> dict[str, Any]:
    return pages()[name]


def operations(name: str) -> Iterator[dict[str, Any]]:
    for methods in page_of(name)["paths"].values():
        yield from methods.values()


def members(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each model, each of its members, and that member's schema."""
    for model, schema in page_of(name)["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            yield model, member, described


def test_names_of_operations_are_short_and_differ() -> None:
    names = Counter(each["operationId"] for name in NAMES for each in operations(name))
    assert {name for name, times in names.items() if times > 1} == set()
    assert max(len(name) for name in names) < 40


def test_one_page_can_be_made_of_the_ten() -> None:
    """No model, path or header is two things; and no call between services is on it."""
    page = joined(pages(), urls())
    served = [each for path in page["paths"].values() for each in path if each != "servers"]
    assert len(served) > 50
    for path, methods in page["paths"].items():
        for operation in methods:
            if operation != "servers":
                assert INTERNAL not in methods[operation]["tags"], path


@EVERY
def test_each_operation_is_described(name: str) -> None:
    silent = {each["operationId"] for each in operations(name) if not each.get("description")}
    assert silent == set(), "the docstring of its function describes it"


@EVERY
def test_each_member_is_described_unless_its_name_says_it(name: str) -> None:
    silent = {
        f"{model}.{member}"
        for model, member, schema in members(name)
        if member not in OBVIOUS and not schema.get("description")
    }
    assert silent == set(), "a docstring below the field describes it"


@EVERY
def test_each_body_has_an_example(name: str) -> None:
    """tests/journeys/test_examples.py sends them."""
    silent = {
        each["operationId"]
        for each in operations(name)
        if "requestBody" in each and INTERNAL not in each["tags"] and not example_of(name, each)
    }
    assert silent == set()


def example_of(name: str, operation: dict[str, Any]) -> Any:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for part in (schema, *schema.get("anyOf", ())):
        if "$ref" in part:
            model = part["$ref"].rpartition("/")[2]
            examples = page_of(name)["components"]["schemas"][model].get("examples", [])
            return examples[0] if examples else None
    return None


@EVERY
def test_no_parameter_is_null(name: str) -> None:
    """It is left out."""
    for operation in operations(name):
        for parameter in operation.get("parameters", ()):
            assert "null" not in str(parameter["schema"]), operation["operationId"]
