"""How the fleet is, on one screen: `python -m fleet.status`. Ends with 1 where a service is not
ready."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import httpx

from . import console, deployment, queues, traffic
from .failure import Failure
from .queues import Queue
from .traffic import Traffic

ANSWER_SECONDS = 5
NONE = "-"
NO_TRAFFIC = Traffic()


@dataclass(frozen=True)
class State:
    """One service: what it says of itself, and its requests since it started and just now."""

    name: str
    version: str = NONE
    health: str = "no answer"
    total: Traffic = NO_TRAFFIC
    lately: Traffic = NO_TRAFFIC

    @property
    def is_ready(self) -> bool:
        return self.health == "ready"


async def look(urls: Mapping[str, str], seconds: float) -> list[State]:
    """What all services say, after listening for so long."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        return await asyncio.gather(*(_look_at(http, *each, seconds) for each in urls.items()))


async def _look_at(http: httpx.AsyncClient, name: str, url: str, seconds: float) -> State:
    try:
        before = traffic.read((await http.get(f"{url}/metrics")).text)
        ready = await http.get(f"{url}/readyz")
        version = (await http.get(f"{url}/livez")).json().get("version", "?")
        await asyncio.sleep(seconds)  # the span itself: what is counted in it is told
        after = traffic.read((await http.get(f"{url}/metrics")).text)
    except httpx.TransportError:
        return State(name)
    health = "ready" if ready.is_success else str(ready.json().get("detail", ready.status_code))
    return State(name, version, health, after, after.since(before))


def tell(states: Sequence[State], seconds: float) -> None:
    width = max(len(state.name) for state in states)
    console.say(
        f"{'SERVICE':{width}}  {'VERSION':8}  {'UP':>8}  {'REQ/S':>7}  {'P99':>8}  {'ERROR %':>7}"
        f"  {'REQUESTS':>9}  {'ERRORS':>7}  HEALTH",
        console.BOLD,
    )
    for state in states:
        total, lately = state.total, state.lately
        share = f"{100 * lately.failed / lately.requests:.1f}" if lately.requests else NONE
        up = duration(time.time() - total.started) if total.started else NONE
        console.say(
            f"{state.name:{width}}  {state.version:8}  {up:>8}  {lately.requests / seconds:7.1f}"
            f"  {duration(lately.percentile(0.99)):>8}  {share:>7}"
            f"  {total.requests:9.0f}  {total.failed:7.0f}  {state.health}",
            "" if state.is_ready else console.RED,
        )


def tell_queues(found: Sequence[Queue]) -> None:
    width = max(len(queue.name) for queue in found)
    console.say(f"\n{'UNFINISHED':{width}}  {'NOW':>7}  {'OLDEST':>8}  {'DEAD':>6}", console.BOLD)
    for queue in found:
        console.say(
            f"{queue.name:{width}}  {queue.waiting:7}  {duration(queue.oldest):>8}"
            f"  {queue.parked:6}",
            console.RED if queue.parked else "",
        )
    if any(queue.parked for queue in found):
        console.say("\nWhich ones: make dead-jobs")


def duration(seconds: float | None) -> str:
    """In the unit that fits."""
    if seconds is None:
        return NONE
    if seconds == inf:
        return "longer"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def run(seconds: float) -> bool:
    """Whether all is well. Raises Failure when nothing runs."""
    fleet = deployment.find(os.environ)
    states = asyncio.run(look(fleet.urls, seconds))
    tell(states, seconds)
    try:
        tell_queues(queues.read(fleet))
    except Failure as failure:
        console.say(f"\nWhat is unfinished is not to be had. {failure}", console.RED)
        return False
    return all(state.is_ready for state in states)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fleet.status", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1, help="how long rates are taken for")
    chosen = parser.parse_args(arguments)
    try:
        return 0 if run(max(chosen.seconds, 0.1)) else 1
    except Failure as failure:
        console.complain(str(failure))
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
