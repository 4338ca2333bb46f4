"""How cost grows: what is within its bound, and when memory counts as flat."""

from array import array
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.load import Result
from bench.scale.figures import Sample, growth
from bench.scale.filling import Size
from bench.scale.questions import ASKED, BUYING, kind_of
from bench.scale.soak import ENOUGH, Reading, flat, until_stopped
from fleet.services import SERVICES

SMALL, LARGE = Size(10, 10, 50), Size(1000, 1000, 5000)


def sample(operation: str, round_: int, size: Size, p50: float, failed: int = 0) -> Sample:
    result = Result(1.0, 0.0, array("d", [p50 / 2, p50, p50 * 3]), Counter({"status 503": failed}))
    return Sample(round_, operation, size, result, services_cpu=0.3, postgres_cpu=0.6)


def test_the_ratio_is_that_of_each_round() -> None:
    samples = [
        sample("read order", number, size, p50)
        for number, (small, large) in enumerate([(1.0, 1.2), (3.0, 3.3), (2.0, 9.0)], 1)
        for size, p50 in ((SMALL, small), (LARGE, large))
    ]
    (found,) = growth(samples, [SMALL, LARGE])
    assert round(found.ratio, 3) == 1.2
    assert found.within
    assert found.costs[LARGE].operations == 9
    assert round(found.costs[LARGE].postgres_us) == 200_000


def test_what_is_found_by_key_may_grow_less_than_a_search() -> None:
    def within(operation: str) -> bool:
        samples = [sample(operation, 1, SMALL, 1.0), sample(operation, 1, LARGE, 1.5)]
        return growth(samples, [SMALL, LARGE])[0].within

    assert not within("read order")
    assert within("search: rare word")


def test_failures_are_not_within_any_bound() -> None:
    samples = [sample("orders", 1, SMALL, 1.0), sample("orders", 1, LARGE, 1.0, failed=1)]
    assert not growth(samples, [SMALL, LARGE])[0].within


def test_whatever_is_bought_is_found_by_key() -> None:
    assert {kind_of(name) for name in BUYING} == {"by key"}
    assert not set(BUYING) & set(ASKED)


def readings(*mebibytes: float) -> list[Reading]:
    return [
        Reading(number * 1000, number * 10.0, {each.name: int(size * 2**20) for each in SERVICES})
        for number, size in enumerate(mebibytes, 1)
    ]


def test_memory_is_flat_once_caches_are_full() -> None:
    assert flat(readings(20, 30, 40, 41, 40.5, 41, 40.7, 41, 40.6, 41))
    assert not flat(readings(20, 30, 40, 41, 42, 43, 44, 45, 46, 47))


def test_hours_of_purchases_may_be_stopped_and_are_not_lost() -> None:
    def stopped_after(count: int) -> Iterator[Reading]:
        yield from readings(*range(20, 20 + count))
        raise KeyboardInterrupt

    assert len(until_stopped(stopped_after(ENOUGH))) == ENOUGH
    with pytest.raises(KeyboardInterrupt):
        until_stopped(stopped_after(ENOUGH - 1))
