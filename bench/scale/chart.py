"""Cost against size as a picture."""

from collections.abc import Sequence
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from .figures import Growth
from .questions import BOUNDS

# By name: only the benchmarks' own environment has it, and types are checked without.
matplotlib: Any = import_module("matplotlib")
matplotlib.use("Agg")
pyplot: Any = import_module("matplotlib.pyplot")

# The steepest are told by name, the others only drawn.
NAMED = 4


def draw(found: Sequence[Growth], title: str, path: Path) -> None:
    """Write the picture, a PNG, to this path: each kind of operation beside its bound."""
    figure, panels = pyplot.subplots(1, len(BOUNDS), figsize=(17, 6.2))
    figure.suptitle(title, fontsize=11)
    for axes, (kind, bound) in zip(panels, BOUNDS.items(), strict=True):
        _panel(axes, [each for each in found if each.kind == kind], kind, bound)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(axes: Any, found: Sequence[Growth], kind: str, bound: float) -> None:
    steepest = sorted(found, key=lambda each: each.ratio, reverse=True)
    for place, each in enumerate(steepest):
        products = [size.products for size in each.costs]
        ratios = [cost.ratio for cost in each.costs.values()]
        label, style = None, {"color": "#b9c4d0", "linewidth": 1}
        if place < NAMED:
            last = list(each.costs.values())[-1]
            label, style = f"{each.operation} ({last.p50_ms:.1f} ms)", {"linewidth": 2}
        axes.plot(products, ratios, marker="o", markersize=4, label=label, **style)
    axes.axhline(bound, color="#b03030", linestyle="--", linewidth=1, label="bound")
    axes.set_xscale("log")
    drawn = [each.ratio * 1.1 for each in found if isfinite(each.ratio)]
    axes.set_ylim(0, max(bound * 1.3, *drawn, 1.5))
    axes.set_xlabel("products; as many customers, and five orders each")
    axes.set_title(f"{kind}: p50, to that of the smallest")
    axes.legend(fontsize=8, loc="best")
    axes.spines[["top", "right"]].set_visible(False)
