"""What is known of cases already, so that a run that was broken off goes on where it was."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from fleet.services import ROOT, SERVICES

from .crew import Outcome


class Results:
    """A file of outcomes, one a line. Those of other code than today's are thrown away."""

    def __init__(self, file: Path | None) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._file = file
        if file is not None:
            self._open(file)

    def _open(self, file: Path) -> None:
        header, *lines = file.read_text().splitlines() if file.exists() else [""]
        version = json.dumps({"version": version_of_code()})
        if header == version:
            found = [Outcome(**json.loads(line)) for line in lines]
            # What has failed is tried again.
            self.outcomes = {each.case: each for each in found if not each.violations}
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{version}\n")

    def add(self, outcome: Outcome) -> None:
        self.outcomes[outcome.case] = outcome
        if self._file is not None:
            with self._file.open("a") as file:
                print(json.dumps(asdict(outcome)), file=file)


def version_of_code() -> str:
    """Changes when anything changes that a case may depend on."""
    digest = hashlib.sha256()
    for file in sorted(file for file in _files() if not file.name.startswith("test_")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files() -> Iterable[Path]:
    services = (ROOT / service.folder for service in SERVICES)
    code = [folder / part for folder in services for part in ("app", "db")]
    for folder in (*code, ROOT / "chassis", ROOT / "fleet", Path(__file__).parents[1]):
        for kind in ("*.py", "*.sql", "*.txt"):
            yield from folder.glob(kind)
    yield from Path(__file__).parent.glob("*.*")
