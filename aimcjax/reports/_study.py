"""The report of a study of training: findings, one table, curves with their spread over seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..sweeps import half_width
from ._axes import set_log_ticks, set_ticks
from ._palette import BLACK, colours_of, markers_of
from ._text import table


@dataclasses.dataclass(frozen=True)
class Panel:
    """Axes of a picture: `curves[label][seeds, points]` over `x`, or over the `at[label]` of a curve; means with the
    range from least to largest, or with 95 % intervals of the mean if `intervals`; `ylim`, what part of it is shown."""

    title: str
    x: Num[np.ndarray, " points"]
    curves: Mapping[str, Num[np.ndarray, "seeds points"]]
    xlabel: str
    ylabel: str
    log: str = ""  # "x", "y", "xy": axes in logarithm
    ticks: Sequence[str] = ()  # names of the points, evenly spaced
    line: tuple[float, str] | None = None  # a horizontal line and its label
    mark: tuple[float, str] | None = None  # a vertical one
    at: Mapping[str, Num[np.ndarray, " points"]] = dataclasses.field(default_factory=dict)
    intervals: bool = False
    ylim: tuple[float, float] | None = None
    unit: str = ""  # of x, written at its ticks


@dataclasses.dataclass(frozen=True)
class StudyReport:
    """What a study found: `title` and `opening` of the report, `findings`, sentences with their numbers, one table, of
    `header` and `rows`, `pictures[file name]`, panels and caption, `notes` on models and what is assumed; `arrays`,
    `{name: (dimensions, values, attributes)}` over `coords`, everything that was measured; `summary`, the numbers that
    matter; `wall_s` [s]; `tables`, more of them by title, the header first; `repeat`, the
    command that does it again. A picture is panels, or drawn already."""

    name: str
    title: str
    opening: str
    findings: list[str]
    header: list[str]
    rows: list[list[str]]
    pictures: Mapping[str, tuple[list[Panel] | Figure, str]]
    notes: list[str]
    arrays: dict[str, tuple[tuple[str, ...], Any, dict[str, str]]]
    coords: dict[str, Any]
    summary: dict[str, Any]
    wall_s: float
    tables: Mapping[str, list[list[str]]] = dataclasses.field(default_factory=dict)
    repeat: str = "aimcjax run config.yaml"


def write_study(report: StudyReport, config_yaml: str, folder: Path) -> None:
    """Writes `report.md`, with `config_yaml` at its end, `figures/*.png` and `results.nc` into `folder`."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, (picture, _) in report.pictures.items():
        figure = picture if isinstance(picture, Figure) else plot_panels(picture)
        figure.savefig(folder / "figures" / name, dpi=150)
    data = xr.Dataset(
        {name: (dims, np.asarray(values), attrs) for name, (dims, values, attrs) in report.arrays.items()},
        coords=report.coords,
        attrs={"title": report.name},
    )
    data.to_netcdf(folder / "results.nc", engine="netcdf4")
    (folder / "report.md").write_text(_markdown(report, config_yaml), encoding="utf-8")


def plot_panels(panels: Sequence[Panel]) -> Figure:
    """Panels side by side, at most four in a row, with one legend."""
    n_cols = min(len(panels), 4)
    n_rows = -(-len(panels) // n_cols)
    figure = Figure(figsize=(max(4.0 * n_cols, 6.0), 3.6 * n_rows + 0.6), layout="constrained")
    axes = figure.subplots(n_rows, n_cols, squeeze=False, sharey=True).ravel()
    labels = list(dict.fromkeys(label for panel in panels for label in panel.curves))
    for axis, panel in zip(axes, panels, strict=False):
        _draw(axis, panel, labels)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    columns = _columns(figure, labels)
    figure.legend(handles.values(), handles, fontsize="small", loc="outside lower center", ncols=columns)
    return figure


def _columns(figure: Figure, labels: Sequence[str]) -> int:
    """So many columns of a legend as fit beside each other."""
    width_of_one = 0.6 + 0.08 * max(map(len, labels), default=0)  # inches, at the small font
    return max(1, min(len(labels), int(figure.get_size_inches()[0] / width_of_one)))


def _draw(axis: Axes, panel: Panel, labels: Sequence[str]) -> None:
    shared = np.arange(len(panel.x)) if panel.ticks else panel.x
    colours, markers = colours_of(labels), markers_of(labels)
    for label, values in panel.curves.items():
        x, mean = panel.at.get(label, shared), np.mean(values, axis=0)
        style: dict[str, Any] = {"color": colours[label]}
        marker = markers[label] if len(x) <= 40 else None
        low, high = np.min(values, axis=0), np.max(values, axis=0)
        intervals = panel.intervals and len(values) > 1
        if intervals:
            half = half_width(values)
            low, high = mean - half, mean + half
        if intervals and panel.ticks:  # beside each other, that all are seen
            x = x + (list(panel.curves).index(label) - (len(panel.curves) - 1) / 2) * 0.4 / len(panel.curves)
        if intervals and (panel.ticks or panel.at):  # a band would join what is no curve
            axis.errorbar(x, mean, high - mean, fmt="none", capsize=2, **style)
        else:
            axis.fill_between(x, low, high, alpha=0.15, linewidth=0, **style)
        axis.plot(x, mean, marker=marker, markersize=4, label=label, **style)
    if panel.line is not None:
        axis.axhline(panel.line[0], color=BLACK, linewidth=1, linestyle=":", label=panel.line[1])
    if panel.mark is not None:
        axis.axvline(panel.mark[0], color=BLACK, linewidth=1, linestyle="--", label=panel.mark[1])
    if panel.ticks:
        axis.set_xticks(shared, panel.ticks, rotation=90 if sum(map(len, panel.ticks)) > 80 else 0)
    axis.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel)
    if not panel.ticks and not panel.at:
        set_ticks(axis, np.unique(panel.x), panel.xlabel, panel.unit, log="x" in panel.log)
    elif "x" in panel.log:
        axis.set_xscale("log")
    if panel.ylim is not None:
        axis.set_ylim(*panel.ylim)
    if "y" in panel.log:
        axis.set_yscale("log")
        set_log_ticks(axis.yaxis)
    axis.grid(alpha=0.3)


def _markdown(report: StudyReport, config_yaml: str) -> str:
    sections = [
        f"# {report.name}: {report.title}",
        report.opening,
        "## Findings",
        "\n".join(f"- {line}" for line in report.findings),
        "## Numbers",
        table(report.header, report.rows),
        *(f"![{caption}](figures/{name})\n\n*{caption}*" for name, (_, caption) in report.pictures.items()),
        *(f"## {title}\n\n{table(rows[0], rows[1:])}" for title, rows in report.tables.items()),
        "## Models",
        "\n".join(f"- {line}" for line in report.notes),
        f"## Setup\n\nWall time {report.wall_s:.0f} s, since the last start if it was interrupted. "
        "Versions are in `versions.json`, all values in "
        f"`results.nc`. `{report.repeat}` repeats the run.",
        f"```yaml\n{config_yaml}```",
    ]
    return "\n\n".join(sections) + "\n"
