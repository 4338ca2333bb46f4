"""Checkouts at 3 and 10 times what the fleet can take: what still gets through, and how fast.

`python -m bench.overload` starts a fleet of its own and prints a table. The load is open: it
comes by a clock, whatever becomes of it. Each phase is held against the capacity and the unloaded
latency measured right before and after it, so that the ratios hold on a busy machine. Capacity is
measured with the machine to itself, and beside the same load when that goes to nobody.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fleets import embedded_fleet

from .figures import ONSET_SECONDS, completed, percentile, refusals, seconds_until_normal
from .load import Load, Phase, Shop, closed_loop, open_loop
from .placebo import placebo

PRICE = "10.00"
PRODUCTS, CUSTOMERS = 50, 30

# As many shoppers as the fleet gets most done for, on two cores.
SHOPPERS = 8
CALM, CALM_SECONDS = 0.75, 6.0
OVERLOADS = (3.0, 10.0)

GOODPUT, LATENCY, RECOVERY_SECONDS = 0.9, 3.0, 5.0

Run = Callable[..., Load]


@dataclass(frozen=True)
class Result:
    """One phase, held against what was measured right before it."""

    times: float
    offered: float
    # Of the capacity, and of the capacity beside the same load when nobody has to take it.
    goodput: float
    of_left: float
    p50: float
    p99: float
    onset_p99: float
    unloaded_p99: float
    cpu: float
    refused: str
    # So many seconds after it.
    normal: float

    def row(self) -> str:
        return (
            f"{self.times:6.2f} {self.offered:8.1f} {self.goodput:8.2f} {self.of_left:8.2f} "
            f"{self.p50 * 1000:7.0f} {self.p99 * 1000:7.0f} {self.p99 / self.unloaded_p99:9.2f} "
            f"{self.onset_p99 / self.unloaded_p99:9.2f} {self.cpu:9.2f} {self.normal:7.0f}  "
            f"{self.refused}"
        )


HEADING = (
    " times  offered  goodput  of what  p50 ms  p99 ms p99 ratio with onset  load CPU  normal"
    "  refused\n"
    "           /s    of cap.  is left   after two s   to calm   to calm     cores after s"
)


def fill(urls: dict[str, str]) -> Shop:
    """Products and customers. Raises httpx.HTTPStatusError when the fleet does not take them."""
    skus = [f"THING-{number}" for number in range(PRODUCTS)]
    products = [{"sku": sku, "name": sku, "price": PRICE, "currency": "EUR"} for sku in skus]
    with httpx.Client(timeout=10) as client:
        url = f"{urls['product_catalogue']}/products/bulk"
        client.post(url, json={"products": products}).raise_for_status()
        customers = []
        for number in range(CUSTOMERS):
            body = {"email": f"shopper-{number}@example.org", "name": "Shopper"}
            answer = client.post(f"{urls['customer']}/customers", json=body).raise_for_status()
            customers.append(answer.json()["customer_id"])
    return Shop(urls, skus, customers, PRICE)


@contextmanager
def loaded_fleet() -> Iterator[Run]:
    """A fleet with something to buy; yields how to run a load against it, in another process."""
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, spawn) as generator,
        embedded_fleet(Path(folder)) as fleet,
    ):
        shop = fill(fleet.urls)
        yield lambda kind, *arguments: generator.submit(kind, shop, *arguments).result()


def measure(run: Run, times: float, seconds: float) -> Result:
    """A phase at so many times the capacity, and the calm right after it.

    It is held against what was measured before it and after it: a machine that others use does
    not stay the same for as long as that.
    """
    short = seconds / 3
    alone, capacity, left = list[float](), list[float](), list[float]()

    def look_alone() -> None:
        # Together as long as the load: a shopper alone makes few checkouts.
        alone.extend(completed(run(closed_loop, 1, seconds / 2).checkouts))

    def most() -> float:
        return len(completed(run(closed_loop, SHOPPERS, short).checkouts)) / short

    def look_at_capacity() -> None:
        capacity.append(most())
        with placebo(times * capacity[0]):
            left.append(most())

    look_alone()
    look_at_capacity()
    phases = Phase(times * capacity[0], seconds), Phase(CALM * capacity[0], CALM_SECONDS)
    load = run(open_loop, *phases)
    look_at_capacity()
    look_alone()
    loaded = load.part(0, seconds)
    took = completed(load.part(ONSET_SECONDS, seconds))
    done = len(completed(loaded)) / seconds
    unloaded = percentile(alone, 0.99)
    return Result(
        times=times,
        offered=len(loaded) / seconds,
        goodput=done / statistics.mean(capacity),
        of_left=done / statistics.mean(left),
        p50=percentile(took, 0.5),
        p99=percentile(took, 0.99),
        onset_p99=percentile(completed(loaded), 0.99),
        unloaded_p99=unloaded,
        cpu=load.cpu_cores[0],
        refused=refusals(loaded),
        normal=seconds_until_normal(load.checkouts, seconds, CALM_SECONDS, LATENCY * unloaded),
    )


def judge(times: float, results: list[Result]) -> bool:
    """Print the medians over the rounds; returns whether they are as they should be."""
    goodput = statistics.median(result.goodput for result in results)
    of_left = statistics.median(result.of_left for result in results)
    ratio = statistics.median(result.p99 / result.unloaded_p99 for result in results)
    normal = statistics.median(result.normal for result in results)
    print(
        f"{times:g} times the capacity: goodput {goodput:.2f} of it (at least {GOODPUT}), "
        f"{of_left:.2f} of what the load leaves of it, "
        f"p99 {ratio:.1f} times the unloaded one (at most {LATENCY:g}), "
        f"normal {normal:g} s after (at most {RECOVERY_SECONDS:g})"
    )
    return goodput >= GOODPUT and ratio <= LATENCY and normal <= RECOVERY_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="of each overload")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[float, list[Result]] = {times: [] for times in (CALM, *OVERLOADS)}
    with loaded_fleet() as run:
        run(closed_loop, SHOPPERS, 3.0)
        print(HEADING, flush=True)
        for _ in range(options.rounds):
            for times, results in found.items():
                results.append(measure(run, times, options.seconds))
                print(results[-1].row(), flush=True)
    fine = [judge(times, found[times]) for times in OVERLOADS]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
