"""Follows the logs, of all services or of one: `python -m fleet.follow cart`."""

import os
import sys
from collections.abc import Mapping, Sequence

from . import console, deployment
from .deployment import Containers, Program
from .failure import Failure
from .services import BY_NAME
from .settings import Settings

LINES = "20"
NAMES = (*BY_NAME, "postgres", "fleet")


def program(environ: Mapping[str, str], service: str) -> Program:
    """What shows the logs of the fleet that runs, or of the one of `make up` that did.

    Raises Failure when there are none.
    """
    try:
        if isinstance(deployment.find(environ), Containers):
            words = ["docker", "compose", "logs", "--follow", f"--tail={LINES}"]
            return Program([*words, *([service] if service else [])], {})
    except Failure:
        pass  # what has ended has left its logs
    folder = Settings.from_environment(environ).logs
    if service and not (folder / f"{service}.log").exists() and service not in NAMES:
        raise Failure(f"There is no log of {service}. There are those of: {', '.join(NAMES)}.")
    files = sorted(map(str, folder.glob(f"{service or '*'}.log")))
    if not files:
        raise Failure(f"No such log: {folder}/{service or '*'}.log. Has the fleet run?")
    return Program(["tail", "-n", LINES, "-F", *files], {})


def main(arguments: Sequence[str]) -> int:
    try:
        program(os.environ, "".join(arguments)).become()
    except Failure as failure:
        console.complain(str(failure))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
