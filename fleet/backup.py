"""A backup of all schemas, of one moment, while everybody goes on: `python -m fleet.backup`.

It holds no password, and no role: those of the server that it is restored into are made there.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from . import console, deployment, erased
from .deployment import Deployment, Program
from .failure import Failure
from .services import ROOT
from .settings import Settings

# What was applied is for the server that it is restored into to say: it applies all of it again.
OPTIONS = ("--format=custom", "--verbose", "--exclude-schema=fleet", "--exclude-schema=public")

# What both programs say of each table when they come to its rows.
TABLE = re.compile(r'(?:dumping contents of|processing data for) table "([^"]+)"')


def back_up(source: Deployment, file: Path) -> None:
    """Write the backup whole, or not at all. Raises Failure."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as target:
            run(source.program("pg_dump", *OPTIONS), output=target)
            target.flush()
            os.fsync(descriptor)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def run(
    program: Program, *, source: IO[bytes] | None = None, output: IO[bytes] | None = None
) -> None:
    """Run one of the two programs, and show how far it has come. Raises Failure."""
    with subprocess.Popen(
        program.words,
        env=program.complete_environment(),
        cwd=ROOT,
        stdin=source or subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr
        said = list(show(running.stderr))
    if running.returncode:
        errors = [line for line in said if "error" in line.lower()] or said[-3:]
        raise Failure("\n".join(errors[:3]) or f"It ended with status {running.returncode}.")


def show(lines: Iterable[str]) -> Iterable[str]:
    """Pass the lines on. On a terminal, the table that is at hand stands in the last one."""
    for line in lines:
        table = TABLE.search(line)
        if table and sys.stdout.isatty():
            console.say(f"\r  {table[1]:60}", end="")
        yield line.strip()
    if sys.stdout.isatty():
        console.say(f"\r{'':62}\r", end="")


def default_file(folder: Path) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return folder / "backups" / f"shop-{moment}.dump"


def size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.backup", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="by default one in DATA_DIR/backups")
    chosen = parser.parse_args(arguments)
    try:
        file = chosen.file or default_file(Settings.from_environment(os.environ).data_dir)
        source = deployment.find(os.environ)
        back_up(source, file.absolute())
        erased.keep(source, file.absolute().with_name(erased.NAME))
    except (Failure, OSError) as error:
        console.complain(f"There is no backup: {error}")
        return 1
    with suppress(ValueError):
        file = file.relative_to(Path.cwd())
    console.say(f"{file}  {size(file)}")
    console.say(f"Restore it: make restore FILE={file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
