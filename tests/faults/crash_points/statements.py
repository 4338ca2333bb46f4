"""The names that SQL statements have in the services' code."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fleet.services import BY_NAME, ROOT

# What chassis fills in for each service, and what it comes to.
BLANK, FILLED = "{table}", re.compile(r"\w+\.\w+_idempotency_keys\b")


def name_of(service: str, statement: str) -> str:
    """`drafts.CONFIRM`, as the module and the constant are called; else how it begins."""
    known = names(service).get(FILLED.sub(BLANK, statement))
    return known or "-".join(statement.split()[:3])


@cache
def names(service: str) -> dict[str, str]:
    """By what they say."""
    folders = (ROOT / BY_NAME[service].folder / "app", ROOT / "chassis")
    files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    return {text: f"{file.stem}.{name}" for file in files for name, text in _constants(file)}


def _constants(file: Path) -> Iterator[tuple[str, str]]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))) if (
                name.isupper()
            ):
                yield name, text
