"""Curves of finished runs: means with their intervals over chips, told apart without colours too."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...components import shorten, suggest
from ...sweeps import half_width
from ...units import UNITS
from .._axes import set_ticks, tick_text
from .._palette import colours_of, markers_of
from .._saved_run import SavedRun
from ._table import REPLICATES, LongTable, long_table, measured, select


_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1)), (0, (6, 2, 1, 2)), (0, (1, 2)), (0, (8, 2, 1, 2, 1, 2)),
                           (0, (4, 4)), (0, (3, 1, 1, 1)))  # fmt: skip
_MOST_COLUMNS = 6
_MOST_CURVES = len(_DASHES)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Over `x`: `mean`, and `half` of its 95 % interval (zero where there is one replicate), of `n` replicates."""

    x: np.ndarray
    mean: np.ndarray
    half: np.ndarray
    n: int


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A `figure` of `y`, its `caption`, and the `notes` that whoever asked for it should see."""

    figure: Figure
    y: str
    caption: str
    notes: list[str]


def plot_runs(
    runs: Sequence[SavedRun],
    *,
    x: str | None = None,
    y: str | None = None,
    hue: str | None = None,
    col: str | None = None,
    where: Mapping[str, str] | None = None,
    same_scale: bool = True,
) -> Drawing:
    """Draws `y` of finished runs over `x`: the mean over everything that has no axis, with its 95 % interval (Student's
    t) over chips, or over seeds.

    **Arguments:** `x`, `hue` (curves) and `col` (panels): a dimension or coordinate of the results, a swept parameter,
    a path of the config, `device`, or `run`; `y`, one of the results; `where`, values to keep, by name; `same_scale`,
    of all panels. By default scores over time by run, or by road.

    **Raises:** `ValueError` of one line for a name that is not there, or more curves than can be told apart.
    """
    y = y or first_values(runs[0])
    _check_name(runs, y)
    x = x or _first_axis(runs[0], y)
    hue = hue or _first_hue(runs, y, {x, col or "", *(where or {})})
    names = list(dict.fromkeys(name for name in (x, hue, col, *(where or {})) if name))
    table = select(long_table(runs, y, names), where or {})
    if not table.values.size:
        raise ValueError(f"{y} has no finite value there; is the run finished?")
    panels = _levels(table, col, _MOST_COLUMNS, "panels")
    hues = _levels(table, hue, _MOST_CURVES, "curves")
    scale, label = scale_of(runs[0], y)
    figure = Figure(figsize=(max(6.4, 4.2 * len(panels)), 4.4), layout="constrained")
    axes = list(figure.subplots(1, len(panels), squeeze=False, sharey=same_scale)[0])
    parts = [table if col is None else table.keep(table.columns[col] == panel) for panel in panels]
    drawn = [{level: curve(part if hue is None else part.keep(part.columns[hue] == level), x) for level in hues}
             for part in parts]  # fmt: skip
    for axis, panel, curves in zip(axes, panels, drawn, strict=True):
        _draw(axis, curves, hues, table, x, hue, scale)
        if col is not None:
            text = tick_text(panel, table.units.get(col, "1"))
            axis.set_title(text if isinstance(panel, str) else f"{col} {text}", fontsize="medium")
        _baselines(axis, runs, y, hue, hues, scale)
    for axis, curves in zip(axes, drawn, strict=True):
        shown = drawn if same_scale else [curves]
        _set_range(axis, np.concatenate([scale * c.mean for panel in shown for c in panel.values()]), scale)
    axes[0].set_ylabel(label)
    _legend(figure, axes, hue)
    caption, notes = _caption(table, [c.n for curves in drawn for c in curves.values() if c.n], where or {})
    figure.supxlabel(caption, fontsize="x-small", color="#444444")
    return Drawing(figure, y, caption, notes)


def curve(table: LongTable, x: str) -> Curve:
    """Means over replicates at every `x`: first over all values of a replicate, then over replicates."""
    column = table.columns[x]
    at = np.unique(column) if column.dtype.kind in "fiub" else np.asarray(list(dict.fromkeys(column)), object)
    means, halves, most = [], [], 0
    for value in at:
        here = column == value
        _, inverse = np.unique(table.replicate[here], return_inverse=True)
        each = np.bincount(inverse, table.values[here]) / np.bincount(inverse)
        n = len(each)
        half = float(half_width(each)) if n > 1 else 0.0
        means, halves, most = [*means, np.mean(each)], [*halves, half], max(most, n)
    return Curve(at, np.asarray(means), np.asarray(halves), most)


def _draw(
    axis: Axes, curves: Mapping[Any, Curve], hues: list[Any], table: LongTable, x: str, hue: str | None, scale: float
) -> None:
    numeric, unit = table.columns[x].dtype.kind in "fiub", table.units.get(x, "1")
    colours, markers = colours_of(hues), markers_of(hues)
    order = list(dict.fromkeys(value for found in curves.values() for value in found.x.tolist()))
    for level, found in curves.items():
        if not found.x.size:
            continue
        k = hues.index(level)
        style: dict[str, Any] = {
            "color": colours[level],
            "marker": markers[level],
            "label": None if hue is None else tick_text(level, table.units.get(hue or "", "1")),
        }
        mean, half = scale * found.mean, scale * found.half
        if numeric:
            every = max(1, len(found.x) // 12)
            axis.plot(found.x, mean, linestyle=_DASHES[k], markersize=5, markevery=every, **style)
            axis.fill_between(found.x, mean - half, mean + half, color=colours[level], alpha=0.18, linewidth=0)
        else:
            at = np.asarray([order.index(value) for value in found.x]) + (k - (len(hues) - 1) / 2) * 0.6 / len(hues)
            axis.errorbar(at, mean, half, linestyle="", markersize=6, capsize=3, **style)
    axis.set_xlabel(_named(x, unit) if numeric else x)
    if numeric:
        set_ticks(axis, np.unique(table.columns[x]), x, unit)
    else:
        long = sum(map(len, map(str, order))) > 40
        axis.set_xticks(range(len(order)), [str(value) for value in order], rotation=30 if long else 0)
    axis.grid(alpha=0.3)


def _set_range(axis: Axes, means: np.ndarray, scale: float) -> None:
    """Logarithmic where values are far apart; percents not beyond what there can be."""
    if means.min() > 0 and means.max() > 300 * means.min():
        axis.set_yscale("log")
    elif scale == 100.0:
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -2.0), min(high, 101.0))


def _named(x: str, unit: str) -> str:
    if x == "time":
        return "time after programming"
    return x.removesuffix("_s") if unit in UNITS else f"{x} ({unit})"


def baseline_of(run: SavedRun, y: str) -> float | None:
    """The digital score beside the values `y`, if the run has one."""
    name, data = f"baseline_{y}", measured(run)
    return float(data[name]) if name in data and data[name].ndim == 0 else None


def _baselines(axis: Axes, runs: Sequence[SavedRun], y: str, hue: str | None, hues: list[Any], scale: float) -> None:
    found = {run.label: baseline for run in runs if (baseline := baseline_of(run, y)) is not None}
    if hue == "run" and len(set(found.values())) > 1:
        colours = colours_of(hues)
        for label, value in found.items():
            axis.axhline(scale * value, color=colours[label], linestyle=":", linewidth=1.2)
        axis.plot([], [], ":", color="#444444", label="digital baselines")
        return
    for value in dict.fromkeys(found.values()):
        axis.axhline(scale * value, color="#444444", linestyle=":", linewidth=1.2, label="digital baseline")


def _legend(figure: Figure, axes: Sequence[Axes], hue: str | None) -> None:
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if handles:
        figure.legend(handles.values(), handles, title=hue, loc="outside upper center", ncols=min(len(handles), 4),
                      fontsize="small", title_fontsize="small", handlelength=3.5)  # fmt: skip


def _caption(table: LongTable, counts: Sequence[int], where: Mapping[str, str]) -> tuple[str, list[str]]:
    n, least = max(counts, default=1), min(counts, default=1)
    many = f"{least} to {n}" if least < n else f"{n}"
    left = [f"{name} ({size})" for name, size in table.left.items() if name not in where]
    over = f"{many} {table.over}s" if table.over in REPLICATES else f"{many} values"
    words = f"mean of {over}, with its 95 % interval" if n > 1 else "one value each, no interval"
    words += f"; {', '.join(f'{name} {value}' for name, value in where.items())}" if where else ""
    words += f"; averaged over {', '.join(left)}" if left else ""
    note = f"averaged over {', '.join(left)}; keep one of them with --where NAME=VALUE, or tell them apart with --hue"
    return words, [note] if left else []


def scale_of(run: SavedRun, y: str) -> tuple[float, str]:
    """What values of `y` are multiplied by for people, and their name with its unit."""
    attrs = measured(run)[y].attrs
    name, unit = str(attrs.get("long_name", y.replace("_", " "))), str(attrs.get("units", "1"))
    if unit in ("1", "") and "accuracy" in y:
        return 100.0, f"{name} (%)"
    for suffix in ("J", "s", "K", "W", "V", "S", "A"):
        if unit == "1" and y.endswith(f"_{suffix}"):
            return 1.0, f"{name[: -len(suffix)].strip()} ({suffix})"
    return 1.0, name if unit in ("1", "") else f"{name} ({unit})"


def first_values(run: SavedRun) -> str:
    """The results that matter most: a score, or the first ones."""
    data = measured(run)
    names = [
        str(name) for name, array in data.data_vars.items() if array.ndim and not str(name).startswith("baseline_")
    ]
    if not names:
        raise ValueError(f"the run {run.folder} has no values over anything, so there is nothing to plot")
    return next((name for name in names if name in ("accuracy", "bits_per_character", "perplexity", "score")), names[0])


def _first_axis(run: SavedRun, y: str) -> str:
    array = measured(run)[y]
    swept = [str(name) for name in array.coords if "." in str(name)]
    others = [str(dim) for dim in array.dims if dim not in (*REPLICATES, "point")]
    times = [dim for dim in others if dim in ("time", "epoch", "step") and array.sizes[dim] > 1]
    return next(iter([*times, *swept, *reversed(others), *map(str, array.dims)]))


def _first_hue(runs: Sequence[SavedRun], y: str, taken: set[str]) -> str | None:
    if len(runs) > 1 and "run" not in taken:
        return "run"
    array = measured(runs[0])[y]
    swept = [str(name) for name in array.coords if "." in str(name)]
    names = [*(str(dim) for dim in array.dims if dim not in (*REPLICATES, "point") and dim in array.coords), *swept]
    few = lambda name: len(np.unique(array.coords[name].values)) <= _MOST_CURVES
    return next((name for name in names if name not in taken and few(name)), None)


def _check_name(runs: Sequence[SavedRun], y: str) -> None:
    known = [str(name) for name, array in measured(runs[0]).data_vars.items() if array.ndim]
    if y not in known:
        raise ValueError(f"{runs[0].label} has no values {shorten(y)}; {suggest(y, known, always_list=True)}")


def _levels(table: LongTable, name: str | None, most: int, what: str) -> list[Any]:
    if name is None:
        return [None]
    column = table.columns[name]
    found = np.unique(column).tolist() if column.dtype.kind in "fiub" else list(dict.fromkeys(column))
    if len(found) > most:
        raise ValueError(
            f"{name} has {len(found)} values, and at most {most} {what} can be told apart; choose some with --where"
        )
    return found
