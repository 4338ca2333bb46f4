"""Some of the crash points, others at each run; `make crash-points` tries them all."""

import os
import random

from tests.faults.links.wired import POSTGRES

from .__main__ import select
from .crew import Outcome, work_off
from .scripts import all_cases
from .statements import names

SAMPLE = 60
FLEETS = 4


def test_every_commit_that_is_cut_is_one_of_todays_code() -> None:
    """Else `python -m tests.faults.crash_points --record` is due."""
    for event in {case.event for case in all_cases()}:
        assert event.callee != POSTGRES or event.what in names(event.caller).values()


async def test_a_purchase_ends_whole_or_undone_wherever_it_is_cut() -> None:
    seed = int(os.environ.get("CRASH_POINTS_SEED") or random.randrange(10**6))
    outcomes: list[Outcome] = []
    await work_off(select("", SAMPLE, seed), FLEETS, outcomes.append)
    violated = [f"{each.case}: {each.violations}" for each in outcomes if each.violations]
    assert not violated, f"CRASH_POINTS_SEED={seed}\n" + "\n".join(violated)
    assert len(outcomes) == SAMPLE
