"""`python -m fleet up` and `python -m fleet down`."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import console
from .failure import Failure
from .instance import AlreadyRunning
from .services import ROOT, SERVICES, Service
from .settings import Settings


def main(
    arguments: Sequence[str], services: Sequence[Service] = SERVICES, root: Path = ROOT
) -> int:
    """The exit status; what goes wrong is told in a line or two, never in a traceback."""
    parser = argparse.ArgumentParser(prog="python -m fleet", description=__doc__)
    parser.add_argument("verb", choices=("up", "down"))
    verb = parser.parse_args(arguments).verb
    try:
        settings = Settings.from_environment(os.environ)
        run_up(settings, services, root) if verb == "up" else run_down(settings)
    except Failure as failure:
        console.complain(str(failure))
        return 1
    except OSError as error:
        console.complain(explain(error))
        return 1
    return 0


def run_up(settings: Settings, services: Sequence[Service], root: Path) -> None:
    # Not needed to go down, and a third of a second to import.
    from .up import AUTHENTICATION, up

    try:
        up(settings, services, root)
    except AlreadyRunning as already:
        console.say(f"The fleet runs already (process {already.running.pid}).")
        console.say(f"  {AUTHENTICATION[already.running.auth_mode]}", console.BOLD)
        console.overview(services, already.running)


def run_down(settings: Settings) -> None:
    from .down import down

    down(settings)


def explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}No disk space left. Make room, or: DATA_DIR=… make up"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where}Not allowed. Was it made by another user? If so: DATA_DIR=… make up"
    return f"{where}{error.strerror or error}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
