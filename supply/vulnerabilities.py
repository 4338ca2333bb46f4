"""Asks for known vulnerabilities of every locked package: `python -m supply.vulnerabilities`.

An answer that never came must not look like good news: what could not be asked about is said.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "bench/requirements.txt")
UNREACHABLE = "The advisories of the package index are out of reach from here"


def main() -> int:
    """0 where nothing is known, 1 where something is, 2 where not all could be asked about."""
    locks = [part for lock in LOCKS for part in ("-r", str(ROOT / lock))]
    # The locks are whole and hashed: nothing has to be resolved, so nothing is installed.
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", *locks]
    options = ["--vulnerability-service", "pypi", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"{UNREACHABLE}: nothing was checked.\n{reason}", file=sys.stderr)
        return 2
    return report(found)


def report(packages: Sequence[Mapping[str, Any]]) -> int:
    vulnerable = [each for each in packages if each.get("vulns")]
    unasked = [each["name"] for each in packages if "skip_reason" in each]
    for each in vulnerable:
        for known in each["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "nothing yet"
            print(f"{each['name']} {each['version']}: {known['id']}, mended in {mended}")
    asked = len(packages) - len(unasked)
    print(f"{asked} of {len(packages)} packages looked up, {len(vulnerable)} vulnerable.")
    if unasked:
        print(f"{UNREACHABLE} for {len(unasked)} packages: they are not checked.", file=sys.stderr)
    return 1 if vulnerable else 2 if unasked else 0


if __name__ == "__main__":
    sys.exit(main())
