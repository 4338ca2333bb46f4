"""What the Makefile makes, and what it leaves alone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fleet.services import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of one as it takes to begin to install."""
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("linked", [True, False])
def test_an_environment_of_others_is_left_alone(checkout: Path, linked: bool) -> None:
    """It is made anew each time that the lock changes, from nothing."""
    theirs = checkout / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    if linked:
        (theirs / ".ours").touch()
        (checkout / ".venv").symlink_to(theirs)
    asked = ["make", "install", "VENV=.venv" if linked else "VENV=theirs"]
    done = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "not ours to replace" in done.stderr
    assert (theirs / "kept").exists()
