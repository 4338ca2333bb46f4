"""The names that SQL statements have in the services' code."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

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
    app = f"{BY_NAME[service].folder}.app"
    modules = [*_modules(app), *_modules("chassis")]
    return {
        text: f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, text in vars(module).items()
        if name.isupper() and isinstance(text, str)
    }


def _modules(package: str) -> Iterator[ModuleType]:
    for file in sorted((ROOT / package.replace(".", "/")).glob("*.py")):
        if file.stem != "__init__":
            yield import_module(f"{package}.{file.stem}")
