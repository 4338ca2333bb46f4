"""The figures as a picture."""

from importlib import import_module
from pathlib import Path
from typing import Any

from .figures import Table
from .goals import OF_THE_FLOOR, PURCHASE
from .rounds import FASTAPI
from .stand import FLEET, FLOOR

# By name: only the benchmarks' own environment has it, and types are checked without.
matplotlib: Any = import_module("matplotlib")
matplotlib.use("Agg")
pyplot: Any = import_module("matplotlib.pyplot")

COLOURS = {FLEET: "#1f5fa8", FLOOR: "#c9a227", FASTAPI: "#3d8b5f"}
PALE = {FLEET: "#8fb5de", FLOOR: "#ead9a0"}
SHADES = ("#bcd4ee", "#6fa3d8", "#1f5fa8")


def draw(table: Table, title: str, path: Path) -> None:
    """Write the picture, a PNG, to this path."""
    figure, (ratio, cost, latency) = pyplot.subplots(1, 3, figsize=(17, 6.2))
    figure.suptitle(title, fontsize=11)
    _ratios(ratio, table)
    _cost(cost, table)
    _latency(latency, table)
    for axes in (ratio, cost, latency):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _operations(table: Table) -> list[str]:
    return list(dict.fromkeys(operation for operation, _, _ in table.figures))


def _callers(table: Table) -> list[int]:
    return sorted({callers for _, _, callers in table.figures})


def _ratios(axes: Any, table: Table) -> None:
    operations, levels = _operations(table), _callers(table)
    height = 0.8 / len(levels)
    for place, callers in enumerate(levels):
        ratios = [table.ratios[operation, FLOOR, callers] for operation in operations]
        rows = [row + (place - (len(levels) - 1) / 2) * height for row in range(len(operations))]
        bars = axes.barh(rows, ratios, height, color=SHADES[place], label=f"{callers} in flight")
        axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes.axvline(OF_THE_FLOOR, color="#b03030", linestyle="--", linewidth=1, label="goal")
    axes.set_yticks(range(len(operations)), operations)
    axes.invert_yaxis()
    axes.set_xlim(right=max(1.3, axes.get_xlim()[1]))
    axes.set_title("Throughput, as a part of the floor's")
    axes.legend(fontsize=8, loc="lower right")


def _cost(axes: Any, table: Table) -> None:
    """Of the highest level of load: what the services take, and PostgreSQL on top of it."""
    operations, callers = _operations(table), _callers(table)[-1]
    for place, target in enumerate((FLEET, FLOOR)):
        rows = [row + (place - 0.5) * 0.4 for row in range(len(operations))]
        found = [table.figures[operation, target, callers] for operation in operations]
        services = [each.services_us / 1000 for each in found]
        postgres = [each.postgres_us / 1000 for each in found]
        axes.barh(rows, services, 0.4, color=COLOURS[target], label=f"{target}: services")
        bars = axes.barh(
            rows, postgres, 0.4, left=services, color=PALE[target], label=f"{target}: PostgreSQL"
        )
        axes.bar_label(bars, [f"{each.cpu_ms:.1f}" for each in found], fontsize=7, padding=2)
    axes.set_yticks(range(len(operations)), operations)
    axes.invert_yaxis()
    axes.set_title(f"CPU an operation, ms, {callers} in flight")
    axes.legend(fontsize=8, loc="upper right")


def _latency(axes: Any, table: Table) -> None:
    """Of a whole purchase; of the last operation where that was not measured."""
    operations, levels = _operations(table), _callers(table)
    operation = PURCHASE if PURCHASE in operations else operations[-1]
    for target in (FLEET, FLOOR):
        found = [table.figures[operation, target, callers] for callers in levels]
        for style, name in (("-", "p50"), ("--", "p95"), (":", "p99")):
            values = [getattr(each, f"{name}_ms") for each in found]
            axes.plot(
                levels, values, style, marker="o", color=COLOURS[target], label=f"{target} {name}"
            )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(levels, [str(callers) for callers in levels])
    for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=8)
    axes.set_xlabel("in flight")
    axes.set_title(f"Latency of one {operation}, ms")
    axes.legend(fontsize=8)
