"""A prompt on the fleet's database: `python -m fleet.psql`. The auditor's, who reads everything
and changes nothing, unless another role is asked for."""

import argparse
import os
import sys
from collections.abc import Sequence

from . import console, deployment
from .deployment import AUDITOR, BY_HAND, Login, Program
from .failure import Failure
from .services import BY_NAME


def program(arguments: Sequence[str]) -> Program:
    parser = argparse.ArgumentParser(prog="python -m fleet.psql", description=__doc__)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--admin", action="store_true", help="as the superuser, who may do anything")
    who.add_argument("--role", help="as the role of this service")
    parser.add_argument("--command", help="run this instead of asking for something")
    chosen = parser.parse_args(arguments)
    options = ["--set=ON_ERROR_STOP=1", f"--command={chosen.command}"] if chosen.command else []
    role = None if chosen.admin else role_of(chosen.role or AUDITOR)
    settings = BY_HAND if role == AUDITOR else {"search_path": BY_HAND["search_path"]}
    login = Login(role, settings=settings, interactive=not chosen.command and sys.stdin.isatty())
    return deployment.find(os.environ).program("psql", *options, login=login)


def role_of(name: str) -> str:
    return f"{name}_app" if name in BY_NAME else name


if __name__ == "__main__":
    try:
        program(sys.argv[1:]).become()
    except Failure as failure:
        console.complain(str(failure))
        sys.exit(1)
