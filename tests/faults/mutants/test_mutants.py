"""The mutants keep fitting the product that they are made of. `make mutants` tries them."""

import ast
import shutil
from pathlib import Path

import pytest

from fleet.services import ROOT
from tests.faults.mutants.__main__ import BROKEN, CAUGHT, COMMANDS, PASSED, verdict
from tests.faults.mutants.patches import Edit, Mutant, Stale, read

MUTANTS = read()
RELIABILITY = ROOT / "docs" / "reliability.md"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits(mutant: Mutant, tmp_path: Path) -> None:
    for file in {edit.file for edit in mutant.edits}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    mutant.apply(tmp_path)
    assert mutant.edits
    assert mutant.detector in COMMANDS
    for broken in tmp_path.rglob("*.py"):
        ast.parse(broken.read_text())


def test_a_patch_that_no_longer_fits_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("twice twice")
    for old in ("never", "twice"):
        with pytest.raises(Stale):
            Edit("file", old, "").apply(tmp_path)


def test_there_are_enough_and_the_document_names_each() -> None:
    told = RELIABILITY.read_text()
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
    for mutant in MUTANTS:
        assert f"| `{mutant.name}` | {mutant.breaks} | {mutant.detector} |" in told


def test_only_a_failed_check_has_caught_something() -> None:
    assert verdict(0, "") == PASSED
    assert verdict(1, "1 failed") == CAUGHT
    assert verdict(1, "the fleet did not start: …") == BROKEN
    assert verdict(5, "no tests ran") == BROKEN
    assert verdict(None, "") == BROKEN
