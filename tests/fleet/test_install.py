"""What `make install` makes of .venv, with uv and with pip, and what it repairs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from fleet.services import ROOT

# One of the locked tools, so that it is here whether people have it or not.
UV = Path(sys.executable).with_name("uv")

INSTALLERS = pytest.mark.parametrize("uv", [UV, ""], ids=["uv", "pip"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of one as it takes to install: one package, which lies beside it."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock(tmp_path, digest)
    return tmp_path


def lock(checkout: Path, digest: str) -> None:
    line = f"tiny==1.0 --hash=sha256:{digest}\n"
    for name in ("requirements.txt", "requirements-dev.txt"):
        (checkout / name).write_text(f"--no-index\n--find-links {checkout}\n{line}")


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Without what a `make test` that we run under was told."""
    asked = ["make", "--no-print-directory", f"PYTHON={sys.executable}", *words]
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    return subprocess.run(
        asked, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def has_tiny(checkout: Path) -> bool:
    python = checkout / ".venv/bin/python"
    return (
        subprocess.run([python, "-c", "import tiny"], check=False, capture_output=True).returncode
        == 0
    )


@INSTALLERS
def test_what_is_locked_is_installed_by_whichever_is_there(checkout: Path, uv: object) -> None:
    done = make(checkout, "install", f"UV={uv}")
    assert done.returncode == 0, done.stderr
    assert f"with {'uv' if uv else 'pip'} …" in done.stdout
    assert [line[:3] for line in done.stdout.splitlines()] == ["1/2", "2/2"]
    assert has_tiny(checkout)
    assert "Nothing to be done" in make(checkout, "install", f"UV={uv}").stdout


@INSTALLERS
def test_nothing_else_than_what_is_locked_is_installed(checkout: Path, uv: object) -> None:
    lock(checkout, "0" * 64)
    refused = make(checkout, "install", f"UV={uv}")
    assert refused.returncode != 0
    assert ("UV=" in refused.stderr) is bool(uv)
    assert not has_tiny(checkout)


def test_pip_goes_on_where_uv_began(checkout: Path) -> None:
    assert make(checkout, "install", f"UV={UV}").returncode == 0
    done = make(checkout, "install-dev", "UV=")
    assert done.returncode == 0, done.stderr


def test_an_environment_whose_packages_are_gone_is_made_anew(checkout: Path) -> None:
    make(checkout, "install", f"UV={UV}")
    for gone in (checkout / ".venv/lib").glob("python*/site-packages/tiny*"):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert not has_tiny(checkout)
    done = make(checkout, "install", f"UV={UV}")
    assert done.returncode == 0, done.stderr
    assert has_tiny(checkout)


def test_uv_sync_does_no_harm(checkout: Path) -> None:
    make(checkout, "install", f"UV={UV}")
    asked = [str(UV), "sync", "--offline"]
    said = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=False)
    assert "unmanaged" in said.stderr
    assert has_tiny(checkout)
    assert not (checkout / "uv.lock").exists()
