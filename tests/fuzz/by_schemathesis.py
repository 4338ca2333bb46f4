"""All checks of Schemathesis, with an admin's token, against a fleet that asks for one.

`python -m tests.fuzz.by_schemathesis`. What it reports must stand in docs/schemathesis.md with a
reason: a table of rows `| code | operations | why |`, whose operations are shell patterns.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fleet.services import ROOT, SERVICES
from tests.fleets import Fleet, data_folder, embedded_fleet

PAGE = ROOT / "docs" / "schemathesis.md"

ROW = re.compile(r"^\| (ST\d+) \| (.+?) \| .+ \|$", re.MULTILINE)
SECTION = re.compile(r"^_+ (.+?) _+$")
FINDING = re.compile(r"^- (ST\d+) (.+)$")


@dataclass(frozen=True)
class Finding:
    """One thing that Schemathesis does not like, and of which operation."""

    service: str
    code: str
    title: str
    operation: str

    def __str__(self) -> str:
        return f"{self.service}: {self.code} {self.title}: {self.operation}"


def explained() -> list[tuple[str, list[str]]]:
    """The rows of the page: a code, and the operations for which it has a reason."""
    return [
        (code, re.findall(r"`([^`]+)`", operations))
        for code, operations in ROW.findall(PAGE.read_text())
    ]


def is_explained(finding: Finding) -> bool:
    return any(
        code == finding.code and any(fnmatchcase(finding.operation, each) for each in patterns)
        for code, patterns in explained()
    )


def findings(service: str, report: str) -> Iterator[Finding]:
    """Those of a report, each under the operation in whose section it stands."""
    operation = ""
    for line in report.splitlines():
        if section := SECTION.match(line):
            operation = section[1]
        elif found := FINDING.match(line):
            yield Finding(service, found[1], found[2], operation)


def ask(fleet: Fleet, token: str, service: str, examples: int, seed: int) -> tuple[str, bool]:
    """The report, and whether it came to its end."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{fleet.urls[service]}/openapi.json",
            f"--header=Authorization: Bearer {token}",
            "--checks=all",
            "--mode=all",
            f"--max-examples={examples}",
            f"--seed={seed}",
            "--generation-database=none",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode in (0, 1)


def main(services: list[str], examples: int, seed: int) -> int:
    """The number of findings that nothing explains."""
    unexplained = 0
    with data_folder() as folder, embedded_fleet(folder, AUTH_MODE="enforce") as fleet:
        token = fleet.run("fleet.issuer", "admin").stdout.strip()
        for service in services:
            report, ended = ask(fleet, token, service, examples, seed)
            if not ended:
                print(report[-3000:])
                return 1
            cases = re.search(r"([\d,]+) generated", report)
            found = set(findings(service, report))
            new = {each for each in found if not is_explained(each)}
            told = cases[1] if cases else "no"
            print(f"{service}: {told} cases, {len(found)} reported, {len(new)} unexplained")
            for each in sorted(new, key=str):
                print(f"  {each}", flush=True)
            unexplained += len(new)
    return unexplained


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    names = [service.name for service in SERVICES]
    parser.add_argument("--service", action="append", choices=names)
    parser.add_argument("--examples", type=int, default=25, help="an operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(bool(main(given.service or names, given.examples, given.seed)))
