"""The pictures of a run: legible in print, safe for colour-blind readers, with units."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..chips import COMPONENTS
from ..units import format_time
from ._heat_map import heat_map
from ._palette import BLACK, GREEN, colours_of
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
        "energy_breakdown.png": (_energy(results), "Energy of one multiply-accumulate by component."),
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
    colours = colours_of(list(results.scores))
    for road, colour in colours.items():
        for compensation in compensations:
            rows = results.summarize(road, compensation)
            style: dict[str, Any] = {"color": colour, "linestyle": _STYLES[compensation]}
            label = f"{ROADS[road].name}, {compensation}"
            axes.plot(results.times, [scale * row.mean for row in rows], marker="o", markersize=4, label=label, **style)
            low, high = [scale * row.low for row in rows], [scale * row.high for row in rows]
            axes.fill_between(results.times, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(results.times, [format_time(float(t)) for t in results.times], rotation=30, ha="right")
    axes.minorticks_off()
    axes.set_xlabel("time after programming")
    axes.grid(alpha=0.3)


def _energy(results: Results) -> Figure:
    per_mac = results.cost.energy_per_mac_J()
    femto = [float(per_mac[name]) * 1e15 for name in COMPONENTS]
    figure = Figure(figsize=(6.0, 2.8), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(COMPONENTS, femto, color=GREEN)
    axes.bar_label(bars, [f"{value:.1f} fJ ({value / sum(femto):.0%})" for value in femto], padding=3, fontsize="small")
    axes.invert_yaxis()
    axes.set(xlabel="energy per MAC (fJ)", xlim=(0, 1.3 * max(femto)), title=f"total {sum(femto):.0f} fJ per MAC")
    return figure


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
