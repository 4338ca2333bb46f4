"""The audit, again and again, for Prometheus to read: `python -m fleet.auditor --port 8011`.

What `make audit` checks, it checks; it only ever reads, as the auditor. It rests ten times as long
as an audit has taken, so that large books cost no more than a tenth of one core.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence

from prometheus_client import Gauge, start_http_server

from . import audit, console
from .failure import Failure

VIOLATIONS = Gauge(
    "invariant_violations",
    "Where an invariant is broken: one that holds always, or one that comes true soon.",
    ("kind", "invariant"),
)
SUCCEEDED = Gauge("audit_last_success_timestamp_seconds", "When all invariants were last checked.")
TOOK = Gauge("audit_duration_seconds", "How long that took.")

REST = 10


def look(environ: Mapping[str, str]) -> float:
    """One audit; returns the seconds that it took. Raises Failure."""
    began = time.monotonic()
    kinds = {"always": audit.safety(), "soon": audit.liveness()}
    invariants = [each for kind in kinds.values() for each in kind]
    findings = asyncio.run(audit.audit(audit.auditor_url(environ), invariants))
    kind_of = {each.name: kind for kind, group in kinds.items() for each in group}
    for finding in findings:
        name = finding.invariant.name
        VIOLATIONS.labels(kind_of[name], name).set(finding.violations)
    took = time.monotonic() - began
    SUCCEEDED.set_to_current_time()
    TOOK.set(took)
    return took


def keep_looking(environ: Mapping[str, str], every: float) -> None:
    while True:
        try:
            took = look(environ)
        except Failure as failure:
            console.complain(str(failure))
            took = 0.0
        time.sleep(max(every, REST * took))  # the rest that bounds what audits cost


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.auditor", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8011)
    parser.add_argument("--every", type=float, default=60, help="seconds between two audits")
    chosen = parser.parse_args(arguments)
    start_http_server(chosen.port, chosen.host)
    keep_looking(os.environ, chosen.every)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
