"""The pictures of a run: legible in print, safe for colour-blind readers, with units."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..units import format_time
from ._energy import energy_bars
from ._heat_map import heat_map
from ._palette import BLACK, colours_of, markers_of
from ._results import COMPENSATIONS, ROADS, Results


_STYLES = {"compensated": "-", "uncompensated": "--"}


def write_figures(results: Results, folder: Path) -> dict[str, str]:
    """Writes the figures as PNG into `folder`; returns `{file name: caption}` in the order of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    n_chips = results.scores["hwa"].shape[1]
    figures = {
        f"{results.metric.key}_over_time.png": (
            _scores(results),
            f"{_name(results)} after programming: mean of {n_chips} chips, band is the 95 % interval of the mean.",
        ),
        "energy_breakdown.png": (
            energy_bars(results.cost.energy_per_mac_J()),
            "Energy of one multiply-accumulate by component.",
        ),
        "weight_error.png": (
            _weight_error(results),
            f"Tile {results.tile_errors.tile_id} (layer {results.tile_errors.layer}) right after programming: "
            "weights asked for, and what programming made of them.",
        ),
    }
    for name, (figure, _) in figures.items():
        figure.savefig(folder / name, dpi=150)
    return {name: caption for name, (_, caption) in figures.items()}


def _scores(results: Results) -> Figure:
    figure = Figure(figsize=(10.0, 4.6), layout="constrained")  # without pyplot: no screen, no state
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _curves(left, results, COMPENSATIONS)
    _curves(right, results, COMPENSATIONS[:1])
    left.set(ylabel=f"{results.metric.name} ({results.metric.unit})")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, fontsize="small", loc="outside lower center", ncols=3)
    right.set_title("compensated only", fontsize="medium")
    return figure


def _name(results: Results) -> str:
    return results.metric.name.capitalize()


def _curves(axes: Axes, results: Results, compensations: Sequence[str]) -> None:
    scale = results.metric.scale
    axes.axhline(scale * results.baseline, color=BLACK, linewidth=1, linestyle=":", label="digital baseline")
    colours, markers = colours_of(list(results.scores)), markers_of(list(results.scores))
    for road, colour in colours.items():
        for compensation in compensations:
            rows = results.summarize(road, compensation)
            style: dict[str, Any] = {"color": colour, "linestyle": _STYLES[compensation], "markersize": 5}
            label = f"{ROADS[road].name}, {compensation}"
            means = [scale * row.mean for row in rows]
            axes.plot(results.times, means, marker=markers[road], label=label, **style)
            low, high = [scale * row.low for row in rows], [scale * row.high for row in rows]
            axes.fill_between(results.times, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(results.times, [format_time(float(t)) for t in results.times], rotation=30, ha="right")
    axes.minorticks_off()
    axes.set_xlabel("time after programming")
    axes.grid(alpha=0.3)


def _weight_error(results: Results) -> Figure:
    tile = results.tile_errors
    panels = ((tile.target, "target weight"), (tile.error, "error"))
    figure = Figure(figsize=(7.0, 5.6), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    for axis, (values, title) in zip(axes, panels, strict=True):
        heat_map(axis, values, title)
        axis.set_ylabel("row (input)")
    axes[-1].set_xlabel("column (output)")
    return figure
