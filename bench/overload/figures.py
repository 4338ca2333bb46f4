"""What a load came to, as figures."""

from collections import Counter
from collections.abc import Sequence

from .load import COMPLETED, Checkout, Load

# Of the second-long windows after an overload, the first one in which this share of the checkouts
# completes, none of them later than three times the slowest unloaded ones, is normal.
NORMAL_SHARE = 0.9


def percentile(values: Sequence[float], share: float) -> float:
    """NaN when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


# How long an overload looks like a burst, which is served in order, however late.
ONSET_SECONDS = 2.0


def completed(load: Load, since: float = 0.0) -> list[float]:
    """How long each completed checkout took that was due after so many seconds."""
    done = (each for each in load.checkouts if each.outcome == COMPLETED)
    return [each.seconds for each in done if each.due >= since]


def per_second(load: Load, seconds: float) -> float:
    """Completed checkouts a second, of those that were due in that time."""
    return len(completed(load)) / seconds


def refusals(load: Load) -> str:
    """`cart overloaded 812, order overloaded 3`, the most frequent first."""
    kinds = Counter(each.outcome for each in load.checkouts if each.outcome != COMPLETED)
    return ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4)) or "none"


def seconds_until_normal(after: Load, seconds: float, slowest: float) -> float:
    """From the end of an overload; infinite if it never is."""
    for second in range(int(seconds)):
        window = [each for each in after.checkouts if second <= each.due < second + 1]
        if window and _is_normal(window, slowest):
            return float(second)
    return float("inf")


def _is_normal(window: list[Checkout], slowest: float) -> bool:
    good = [each for each in window if each.outcome == COMPLETED and each.seconds <= slowest]
    return len(good) >= NORMAL_SHARE * len(window)
