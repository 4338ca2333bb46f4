"""What a load came to, as figures."""

from collections import Counter
from collections.abc import Sequence

from .load import COMPLETED, Checkout

# Of the second-long windows after an overload, the first one in which this share of the checkouts
# completes, none of them later than three times the slowest unloaded ones, is normal.
NORMAL_SHARE = 0.9


def percentile(values: Sequence[float], share: float) -> float:
    """NaN when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


# How long an overload looks like a burst, which is served in order, however late.
ONSET_SECONDS = 2.0


def completed(checkouts: Sequence[Checkout]) -> list[float]:
    """How long each of those took that completed."""
    return [each.seconds for each in checkouts if each.outcome == COMPLETED]


def refusals(checkouts: Sequence[Checkout]) -> str:
    """`cart overloaded 812, order overloaded 3`, the most frequent first."""
    kinds = Counter(each.outcome for each in checkouts if each.outcome != COMPLETED)
    return ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4)) or "none"


def seconds_until_normal(
    checkouts: Sequence[Checkout], began: float, seconds: float, slowest: float
) -> float:
    """Since an overload ended at `began`, in the `seconds` after it; infinite if it never is."""
    for second in range(int(seconds)):
        start = began + second
        window = [each for each in checkouts if start <= each.due < start + 1]
        if window and _is_normal(window, slowest):
            return float(second)
    return float("inf")


def _is_normal(window: list[Checkout], slowest: float) -> bool:
    good = [each for each in window if each.outcome == COMPLETED and each.seconds <= slowest]
    return len(good) >= NORMAL_SHARE * len(window)
