"""Replays a file of invoices through a running fleet: `python -m fleet.replay FILE`.

Cut off, it goes on where it stopped when it is started again.
"""

import argparse
import asyncio
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from .. import audit, console, instance
from ..client import connected
from ..failure import Failure
from ..services import SERVICES
from ..settings import Settings
from . import invoices, plan, report
from .books import revenue
from .journal import Journal
from .plan import Plan
from .run import play

WHERE_TO_FIND_IT = (
    "Online Retail as CSV, gzipped or not: https://doi.org/10.24432/C5BW33 "
    "(an .xlsx there is saved as CSV first)"
)


async def replay(settings: Settings, digest: str, plan: Plan, shoppers: int) -> bool:
    """Whether the books agree with the file. Raises Failure when the fleet is gone."""
    dataset = uuid5(NAMESPACE_OID, digest)
    journal = Journal(settings.data_dir / "replay" / f"{digest[:12]}.jsonl")
    urls = {each.name: settings.url(each) for each in SERVICES}
    try:
        async with connected(urls) as client:
            await play(client, dataset, plan, journal, shoppers)
            found = await revenue(client, audit.auditor_url(os.environ), plan, journal.entries)
    finally:
        journal.close()
    report.tell(plan, journal.entries, found)
    return found.agrees


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fleet.replay", description=__doc__)
    parser.add_argument("data", type=Path, help=WHERE_TO_FIND_IT)
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N invoices")
    parser.add_argument("--shoppers", type=int, default=8, metavar="N", help="how many at once (8)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    chosen = parsed(arguments)
    try:
        settings = instance.settings_now(os.environ)
        with console.step(f"Reading {chosen.data.name}"):
            planned = plan.make(invoices.read(chosen.data, chosen.limit))
            digest = hashlib.sha256(chosen.data.read_bytes()).hexdigest()
        agrees = asyncio.run(replay(settings, digest, planned, chosen.shoppers))
        return 0 if audit.run(os.environ) and agrees else 1
    except Failure as failure:
        console.complain(f"\n{failure}")
    except KeyboardInterrupt:
        console.complain("\nStopped. Start it again to go on from here.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
