"""Whom the Makefile is for, and what it leaves alone. tests/fleet/test_install.py runs it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fleet.services import ROOT


def test_other_makes_than_gnu_make_are_told_at_once() -> None:
    """BSD make begins with .BEGIN, whatever it is asked for. CI tries it."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == ".BEGIN:"
    assert "use GNU make" in rules[1]
    assert rules[1].endswith("exit 1")


@pytest.mark.parametrize("linked", [True, False])
def test_an_environment_of_others_is_left_alone(tmp_path: Path, linked: bool) -> None:
    """It is made anew each time that the lock changes, from nothing."""
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    if linked:
        (theirs / ".ours").touch()
        (tmp_path / ".venv").symlink_to(theirs)
    asked = ["make", "install", "VENV=.venv" if linked else "VENV=theirs"]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "not ours to replace" in done.stderr
    assert (theirs / "kept").exists()
