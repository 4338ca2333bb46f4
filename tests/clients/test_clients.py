"""Clients that tools make of the ten pages: type-checked, and something is bought with each.

`make test-clients` installs the tools. Where there is no Node the Python client is tried alone, and
pytest's summary says so.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from fleet.openapi import joined
from fleet.services import SERVICES
from tests.fleets import Fleet

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
NAMES = [service.name for service in SERVICES]

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


@pytest.fixture(scope="session")
def pages(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each service's page as it serves it, and the one page of all."""
    folder = tmp_path_factory.mktemp("pages")
    served = {name: httpx.get(f"{fleet.urls[name]}/openapi.json").json() for name in NAMES}
    for name, page in served.items():
        (folder / f"{name}.json").write_text(json.dumps(page))
    (folder / "shop.json").write_text(json.dumps(joined(served, fleet.urls)))
    return folder


def run(*command: str | Path, within: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=within,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def test_python_clients_buy_something(fleet: Fleet, pages: Path, tmp_path: Path) -> None:
    package = tmp_path / "shop_clients"
    package.mkdir()
    (package / "__init__.py").touch()
    generator = Path(sys.executable).with_name("openapi-python-client")
    for name in NAMES:
        said = run(
            generator, "generate", "--path", pages / f"{name}.json", "--output-path",
            package / name, "--meta", "none", "--fail-on-warning", within=tmp_path,
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        )  # fmt: skip
        assert "WARNING" not in said.upper()
    for name in ("purchase.py", "mypy.ini"):
        shutil.copy(HERE / name, tmp_path)
    run(sys.executable, "-m", "mypy", "purchase.py", within=tmp_path)
    assert "bought" in run(sys.executable, "purchase.py", addresses(fleet.urls), within=tmp_path)


def addresses(urls: Mapping[str, str]) -> str:
    return json.dumps(urls)


@pytest.fixture
def npm_folder(tmp_path: Path) -> Path:
    """Where the locked npm packages are at hand."""
    assert NODE_MODULES.is_dir(), "run this by make test-clients, which installs them"
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    for name in ("package.json", "tsconfig.json", "purchase.ts", "redocly.yaml"):
        shutil.copy(HERE / name, tmp_path)
    return tmp_path


@needs_node
def test_typescript_clients_buy_something(fleet: Fleet, pages: Path, npm_folder: Path) -> None:
    tools = npm_folder / "node_modules" / ".bin"
    for name in (*NAMES, "shop"):
        target = npm_folder / "generated" / f"{name}.d.ts"
        run(tools / "openapi-typescript", pages / f"{name}.json", "-o", target, within=npm_folder)
    run(tools / "tsc", "-p", ".", within=npm_folder)
    said = run("node", "purchase.js", addresses(fleet.urls), within=npm_folder)
    assert "bought" in said


@needs_node
def test_linter_finds_nothing(pages: Path, npm_folder: Path) -> None:
    """By the recommended rules; those that are switched off say why in redocly.yaml."""
    files = sorted(pages.glob("*.json"))
    assert len(files) == len(NAMES) + 1
    redocly = npm_folder / "node_modules" / ".bin" / "redocly"
    run(redocly, "lint", "--config", "redocly.yaml", "--max-problems=1000", *files,
        within=npm_folder, REDOCLY_TELEMETRY="off")  # fmt: skip
