"""The mutants: small patches to the product, each of which breaks a promise."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

MUTANTS = Path(__file__).with_name("mutants.toml")


class Stale(Exception):
    """A patch that no longer fits what it is for."""


@dataclass(frozen=True)
class Edit:
    """`old` stands exactly once in `file`; the mutant has `new` instead."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Raises Stale."""
        path = root / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise Stale(f"{self.file} holds this {text.count(self.old)} times:\n{self.old}")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mutant:
    """`detector` is the kind of check that must fail on it, `picks` which of them."""

    name: str
    breaks: str
    detector: str
    picks: str
    edits: tuple[Edit, ...]

    def apply(self, root: Path) -> None:
        """Raises Stale."""
        for edit in self.edits:
            edit.apply(root)


def read(file: Path = MUTANTS) -> list[Mutant]:
    return [
        Mutant(**entry | {"edits": tuple(Edit(**edit) for edit in entry["edits"])})
        for entry in tomllib.loads(file.read_text())["mutant"]
    ]
