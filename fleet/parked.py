"""Dead jobs: what sweeps have tried often and in vain. `python -m fleet.parked` lists them,
`python -m fleet.parked retry ID` has one tried at once, `--all` every one of them."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import console, deployment
from .client import Client, connected
from .failure import Failure

# Those whose sweeps give rows up to people.
SERVICES = ("order", "payment", "shipping", "fulfilment")
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """One row that is parked, of one service's."""

    service: str
    item: dict[str, Any]

    @property
    def item_id(self) -> str:
        return str(self.item["item_id"])


async def listed(client: Client) -> list[Job]:
    """Every one there is. Raises Failure."""
    found = await asyncio.gather(*(_of(client, service) for service in SERVICES))
    return [job for jobs in found for job in jobs]


async def _of(client: Client, service: str) -> list[Job]:
    jobs, cursor, more = [], "", True
    while more:
        answer = await client.ask("GET", service, f"/parked?limit=200{cursor}")
        if not answer.ok:
            raise Failure(f"{service} refuses: {answer.status} {answer.problem}.")
        jobs += [Job(service, item) for item in answer.body["items"]]
        more = answer.body["next_cursor"] is not None
        cursor = f"&cursor={answer.body['next_cursor']}"
    return jobs


async def retry(client: Client, job: Job) -> None:
    """Raises Failure. One that is not parked any more needs it no more."""
    answer = await client.ask("POST", job.service, f"/parked/{job.item_id}/retry")
    if not answer.ok and answer.status != 404:
        raise Failure(f"{job.item_id}: {answer.status} {answer.problem}.")
    console.say(f"{job.item_id}  {job.item['about']}: taken up now")


async def retry_failed(client: Client, job_id: str) -> None:
    """A fulfilment job that failed is not parked, for all is undone; it may be tried again too."""
    answer = await client.ask("POST", "fulfilment", f"/fulfilments/{job_id}/retry")
    if not answer.ok:
        raise Failure(f"There is no dead job {job_id}, nor a failed one ({answer.status}).")
    console.say(
        f"{job_id}  the fulfilment of order {answer.body['order_id']}: {answer.body['status']}"
    )


def tell(jobs: Sequence[Job]) -> None:
    if not jobs:
        console.say("No dead jobs.", console.GREEN)
        return
    console.say(f"{'JOB':36}  {'SERVICE':10}  {'TRIED':>5}  {'SINCE':20}  WHAT", console.BOLD)
    for job in jobs:
        since = f"{job.item['since'][:19]}Z"
        console.say(
            f"{job.item_id:36}  {job.service:10}  {job.item['attempts']:5}  {since:20}  "
            f"{job.item['about']}"
        )
    console.say("\nThey are still tried, but seldom. Once what was in the way is mended:")
    console.say("make retry JOB=…, or make retry ALL=1")


async def run(wanted: str | None, *, everything: bool) -> None:
    urls = deployment.find(os.environ).urls
    own = {service: urls[service] for service in SERVICES}
    async with connected(own, PATIENCE_SECONDS) as client:
        jobs = await listed(client)
        chosen = [job for job in jobs if everything or job.item_id == wanted]
        for job in chosen:
            await retry(client, job)
        if wanted and not chosen:
            await retry_failed(client, wanted)
        if not wanted and not chosen:
            tell(jobs)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.parked", description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    which = verbs.add_parser("retry").add_mutually_exclusive_group(required=True)
    which.add_argument("job", nargs="?")
    which.add_argument("--all", action="store_true")
    chosen = parser.parse_args(arguments, argparse.Namespace(job=None, all=False))
    try:
        asyncio.run(run(chosen.job, everything=chosen.all))
    except Failure as failure:
        console.complain(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
