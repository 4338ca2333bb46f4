"""What tests look at in an answer."""

from typing import Any


def skus(answer: dict[str, Any]) -> list[str]:
    return [hit["sku"] for hit in answer["items"]]
