"""A small fleet of stand-ins, run as the real one is: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from fleet.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]

MAIN = """
import sys
from pathlib import Path
from fleet.__main__ import main
from fleet.services import Service

SERVICES = (Service("alpha", 1, "alpha", "stand-in", ("beta",)), Service("beta", 2, "beta", "too"))

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], SERVICES, Path.cwd()))
"""

APP = """
import json, os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    told = {name: os.environ.get(name) for name in ("DATABASE_URL", "BETA_URL", "LOG_FORMAT")}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""


def eventually(holds: Callable[[], object], seconds: float = 15) -> None:
    """Wait until it holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)  # between two looks; the deadline bounds them all


class Fleet:
    """What a person does at the terminal, and what can be seen of the result."""

    def __init__(self, folder: Path, base: int) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.base = base
        self.environment = {
            **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(self.data),
            "PORT_BASE": str(self.base),
        }
        self.started: list[subprocess.Popen[str]] = []
        (folder / "standin.py").write_text(MAIN)
        for name in ("alpha", "beta"):
            self.write(name, APP)

    def write(self, name: str, app: str) -> None:
        (self.folder / f"{name}Service" / "app").mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}Service" / "db").mkdir(exist_ok=True)
        (self.folder / f"{name}Service" / "app" / "main.py").write_text(app)
        schema = f"CREATE SCHEMA IF NOT EXISTS {name};\nGRANT USAGE ON SCHEMA {name} TO {name}_app;"
        (self.folder / f"{name}Service" / "db" / "schema.sql").write_text(schema)

    def begin(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "standin.py", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.begin(*arguments, **environment)
        said, _ = process.communicate(timeout=40)
        return process.returncode, said

    def up(self, **environment: str) -> "subprocess.Popen[str]":
        """Start, and wait until the table is out."""
        process = self.begin("up", **environment)
        assert process.stdout
        said = ""
        for line in process.stdout:
            if "make down" in line:
                process.stdout.readline()  # an empty one ends the overview
                return process
            said += line
        raise AssertionError(f"the fleet did not come up:\n{said}")

    def ask(self, offset: int) -> dict[str, str]:
        with urlopen(f"http://127.0.0.1:{self.base + offset}/readyz", timeout=5) as answer:
            found: dict[str, str] = json.load(answer)
            return found

    def answers(self, offset: int) -> bool:
        try:
            return bool(self.ask(offset))
        except (URLError, OSError):
            return False

    def pid(self, name: str) -> int:
        return int((self.data / "pids" / f"{name}.pid").read_text())

    def log(self, name: str) -> str:
        path = self.data / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def processes(self) -> list[str]:
        """Every process that mentions this fleet's folders, or has one of its files open."""
        return [
            entry.name
            for entry in Path("/proc").glob("[0-9]*")
            if entry.name != str(os.getpid()) and str(self.folder) in _traces(entry)
        ]

    def clean_up(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def _traces(process: Path) -> str:
    """The command line and the open files of a process; nothing when it has just ended."""
    try:
        files = [os.readlink(descriptor) for descriptor in (process / "fd").iterdir()]
        return " ".join([(process / "cmdline").read_text(errors="replace"), *files])
    except OSError:
        return ""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as the first start makes it: most of a second's work, and 40 MB to copy."""
    folder = tmp_path_factory.mktemp("made")
    Postgres(folder).prepare()
    return folder


@pytest.fixture
def new_fleet(tmp_path: Path, port_base: int) -> Iterator[Fleet]:
    """One that has not run yet, and makes its data folder when it does."""
    fleet = Fleet(tmp_path, port_base)
    yield fleet
    fleet.clean_up()


@pytest.fixture
def fleet(new_fleet: Fleet, made: Path) -> Fleet:
    """One that has its data folder."""
    new_fleet.data.mkdir()
    kept = [str(made / name) for name in ("postgres", "secrets.json")]
    subprocess.run(["/bin/cp", "-a", *kept, str(new_fleet.data)], check=True)
    return new_fleet
