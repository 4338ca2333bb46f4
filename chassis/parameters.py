"""Query strings, as strict as bodies: unknown, repeated and malformed parameters are refused.

An empty parameter counts as left out: forms send every field.
"""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from starlette.datastructures import QueryParams

from .problems import InvalidRequest, invalid, invalid_parameter

NONE = QueryParams()

_malformed = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Parameters:
    """The query parameters of a route, and which of them may be repeated."""

    def __init__(self, dependant: Dependant) -> None:
        self._many = dict(_taken(dependant))

    def read(self, raw: bytes) -> QueryParams:
        """The parameters that were sent, without empty ones. Raises InvalidRequest."""
        if not raw:
            return NONE
        given: list[tuple[str, str]] = []
        seen = set()
        for name, value in _pairs(raw):
            if name not in self._many:
                raise self._unknown(name)
            if value == "":
                continue
            if name in seen and not self._many[name]:
                raise invalid_parameter(name, "This parameter is given more than once.")
            seen.add(name)
            given.append((name, value))
        return QueryParams(given)

    def _unknown(self, name: str) -> InvalidRequest:
        known = ", ".join(self._many) or "none"
        return invalid_parameter(name[:64], f"There is no such parameter here; there are: {known}.")


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """Raises InvalidRequest unless the query string is percent-encoded UTF-8."""
    try:
        text = raw.decode()
        if not _malformed.search(text):
            return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        pass
    raise invalid("#", "The query string is not percent-encoded UTF-8.")


def _taken(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The name of each parameter, also of dependencies, and whether it may be repeated."""
    for field in dependant.query_params:
        yield field.alias, field_annotation_is_sequence(field.field_info.annotation)
    for need in dependant.dependencies:
        yield from _taken(need)
