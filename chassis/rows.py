"""Bodies of many rows: each is checked by itself, and a bad one does not stop the rest."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import core_schema

from .openapi import pointer, said
from .problems import InvalidRequest, invalid

Row = TypeVar("Row", bound=BaseModel)

MOST_ROWS = 1000


@dataclass(frozen=True)
class RowsOf:
    """Annotates a list whose rows are checked one by one with their model, for the OpenAPI page.

    `products: Annotated[list[Any], RowsOf(NewProduct)]`
    """

    model: type[BaseModel]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        row = handler.generate_schema(self.model)
        unchecked = core_schema.no_info_wrap_validator_function(
            lambda value, _: value, row, serialization=core_schema.simple_ser_schema("any")
        )
        return core_schema.list_schema(unchecked, min_length=1, max_length=MOST_ROWS)


@dataclass(frozen=True)
class BadRow:
    """A row that is not taken. `name` is what it calls itself, where that is a name at all:
    nothing else of a bad row is echoed."""

    index: int
    name: str | None
    detail: str


@dataclass(frozen=True)
class Checked(Generic[Row]):
    """The rows that can be taken, by their index, and what is wrong with the others."""

    good: dict[int, Row]
    bad: list[BadRow]


def check_rows(
    rows: Sequence[Any],
    model: type[Row],
    *,
    name: str,
    names: re.Pattern[str],
    check: Callable[[Row], object] = lambda _: None,
) -> Checked[Row]:
    """Read each row as `model`. `check` raises InvalidRequest for what a model cannot state.

    `name` is the member that tells rows apart: a second row of that name is bad. `names` is what
    such a name looks like.
    """
    good: dict[int, Row] = {}
    bad, seen = [], set()
    for index, row in enumerate(rows):
        try:
            read = model.model_validate(row)
            check(read)
            if getattr(read, name) in seen:
                raise invalid(f"#/{name}", f"This {name.upper()} stands in an earlier row.")
        except (ValidationError, InvalidRequest) as error:
            bad.append(BadRow(index, _name_of(row, name, names), _detail_of(error)))
        else:
            seen.add(getattr(read, name))
            good[index] = read
    return Checked(good, bad)


def _name_of(row: Any, name: str, names: re.Pattern[str]) -> str | None:
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, str) and names.fullmatch(value) else None


def _detail_of(error: ValidationError | InvalidRequest) -> str:
    if isinstance(error, InvalidRequest):
        return error.detail
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{pointer(('row', *first['loc']))}: {said(first)}"
