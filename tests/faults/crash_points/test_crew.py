"""What a crew tells of a case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from . import crew
from .cases import Case
from .scripts import all_cases


class Closed:
    """A workbench whose books are gone, as asyncpg tells it: the reason comes first."""

    async def try_case(self, case: Case) -> list[str]:
        try:
            raise ConnectionError(f"it was ended at {case.fault}")
        finally:
            raise ValueError("it is closed")


@asynccontextmanager
async def closed() -> AsyncIterator[Closed]:
    yield Closed()


async def test_a_case_that_cannot_be_tried_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "workbench", closed)
    case, outcomes = all_cases()[0], list[crew.Outcome]()
    await crew.work_off([case], 1, outcomes.append)
    reason = f"ValueError: it is closed after ConnectionError: it was ended at {case.fault}"
    assert [each.violations for each in outcomes] == [[reason]]
