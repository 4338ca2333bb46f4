"""Exceptions as they are logged: where it went wrong, and nothing of what somebody has sent.

PostgreSQL's errors quote the row that was refused, and pydantic's the value.
"""

import io
import traceback
from collections.abc import Iterator
from types import TracebackType

import asyncpg
from pydantic import ValidationError

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def told(exc_info: ExcInfo) -> str:
    text = io.StringIO()
    traceback.print_exception(*exc_info, file=text)
    said = text.getvalue().rstrip()
    for error in _chain(exc_info[1]):
        if isinstance(error, asyncpg.PostgresError) and error.detail:
            said = said.replace(str(error), type(error).__name__)
        elif isinstance(error, ValidationError):
            said = said.replace(str(error), str(error.errors(include_input=False)))
    return said


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """It, and what it was raised from or while handling; groups with their members."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]
            waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else []
