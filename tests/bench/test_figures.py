"""The arithmetic of the benchmarks, which nobody would notice to be wrong."""

from array import array
from collections import Counter

import pytest

from bench.figures import percentile, tabulate
from bench.goals import goals
from bench.load import Result, Run
from bench.rounds import Plan, Sample, needed, targets_of


def sample(
    round_: int,
    target: str,
    latencies: list[float],
    *,
    seconds: float = 1.0,
    operation: str = "purchase",
    callers: int = 32,
) -> Sample:
    result = Result(seconds, 0.001, array("d", latencies), Counter())
    run = Run(operation, target, callers, seconds, 0)
    return Sample(round_, run, result, 0.01 * len(latencies), 0.005 * len(latencies), 0.5)


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.5, 1), (99.5, 100)]
)
def test_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(n) for n in range(1, 101)], percent) == expected


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 99) == 7.0


def test_rates_are_medians_and_latencies_are_pooled() -> None:
    rounds = [[0.01] * 10, [0.02] * 20, [0.03] * 90]
    table = tabulate([sample(n, "fleet", each) for n, each in enumerate(rounds, start=1)])
    figures = table.figures["purchase", "fleet", 32]
    assert figures.operations == 120
    assert figures.per_second == 20
    assert figures.p50_ms == pytest.approx(30)
    assert figures.services_us == pytest.approx(10_000)
    assert figures.cpu_ms == pytest.approx(15)


def test_ratio_is_the_median_of_what_it_was_in_each_round() -> None:
    """Not the ratio of medians: a slow moment of the machine slows down both of a round."""
    fleet, floor = (5, 30, 60), (10, 40, 50)
    table = tabulate(
        [sample(n, "fleet", [0.01] * many) for n, many in enumerate(fleet)]
        + [sample(n, "floor", [0.01] * many) for n, many in enumerate(floor)]
    )
    assert table.ratios == {("purchase", "floor", 32): 0.75}


def test_goals_are_judged() -> None:
    slow_tail = [0.01] * 98 + [0.05] * 2
    table = tabulate(
        [
            sample(1, "fleet", [0.01] * 59),
            sample(1, "floor", [0.01] * 100),
            sample(1, "fleet", slow_tail, callers=8),
            sample(1, "floor", slow_tail, callers=8),
        ]
    )
    throughput, cost, tail = goals(table)
    assert throughput.measured == pytest.approx(0.59)
    assert cost.measured == pytest.approx(15)
    assert tail.measured == pytest.approx(5)
    assert [each.met for each in (throughput, cost, tail)] == [False, True, False]


def test_an_operation_brings_those_that_come_before_it() -> None:
    assert needed(["fulfilment"]) == ["cart add", "order", "payment", "fulfilment"]
    assert needed(["search"]) == ["search"]


def test_rounds_take_turns_in_who_is_first_and_do_the_same_to_both() -> None:
    runs = [list(Plan(["order"], 2, 1.0, callers=(8,)).runs(number)) for number in (1, 2)]
    first = [[run.target for run in each if run.operation == "order"] for each in runs]
    assert first[0] == first[1][::-1]
    assert {run.seed for run in runs[0]}.isdisjoint(run.seed for run in runs[1])
    assert len({run.seed for run in runs[0]}) == 1
    assert len(targets_of("product by SKU")) == 3
