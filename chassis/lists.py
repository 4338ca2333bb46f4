"""Lists by keyset: a page starts after the last row of the one before, whatever came in between."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import Field

from .fields import Output
from .problems import invalid_parameter
from .texts import storable

Item = TypeVar("Item")
Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2048, description="`next_cursor` of the page before; opaque."),
]

DEFAULT_LIMIT = 50

# Where a list of ids begins, newest first: none comes after it. A first page is asked for as any
# other, so that one condition does, and an index serves it: `$1 IS NULL OR id < $1` would have
# a cached plan pass by every row before the cursor.
NEWEST = UUID(int=2**128 - 1)


class Page(Output, Generic[Item]):
    """One page of a list, and where the next one starts."""

    items: list[Item]
    """Those of this page, in the list's order."""
    next_cursor: str | None = Field(
        None, description="Where the next page starts: send it as `cursor`; null on the last one."
    )


def encode(*position: Any) -> str:
    """The position of a row in its list, as an opaque cursor."""
    raw = json.dumps(position, separators=(",", ":"), default=str).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str | None, *kinds: Callable[[Any], Any]) -> list[Any] | None:
    """The position that a cursor stands for, each part read by its kind.

    Raises InvalidRequest for anything that `encode` did not make.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = json.loads(raw)
        if not isinstance(position, list) or len(position) != len(kinds):
            raise ValueError
        return [kind(_scalar(part)) for kind, part in zip(kinds, position, strict=True)]
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise invalid_parameter(
            "cursor", "The cursor is not one that this list gave out."
        ) from None


def _scalar(part: Any) -> Any:
    if isinstance(part, str):
        return storable(part)
    if isinstance(part, int | float) and abs(part) < 2**53:
        return part
    raise ValueError


def conditions(wanted: dict[str, Any], first: int) -> tuple[str, list[Any]]:
    """Those that have a value, as SQL, and their values, numbered from `first` on.

    The others are left out rather than made always true, so that an index fits what remains.
    """
    given = {condition: value for condition, value in wanted.items() if value is not None}
    numbered = enumerate(given, start=first)
    sql = "".join(f" AND {condition.format(f'${number}')}" for number, condition in numbered)
    return sql, list(given.values())


def page(
    rows: Sequence[Row], limit: int, item: Callable[[Row], Item], cursor: Callable[[Row], str]
) -> Page[Item]:
    """A page from `limit + 1` rows: the one too many only tells that there is a next page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(items=[item(row) for row in shown], next_cursor=cursor(shown[-1]) if more else None)
