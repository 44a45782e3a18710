"""Pictures that a page draws from what runs left."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.figure import Figure

from ...devices import AbstractDevice
from ...sweeps import half_width
from ...units import day, fJ, parse_quantity, uS
from .._energy import energy_bars
from .._palette import VERMILLION, colours_of
from .._saved_run import SavedRun, at_path
from ..bibliography import build_device
from ..curves import baseline_of, first_values, plot_runs, scale_of, tick_text


_LEVELS = (0.1, 0.4, 1.0)  # of the range
_CELLS = 1000
_MOST_CURVES = 8
_HATCHES = {"uncompensated": "", "compensated": "///"}
_MEASURES = {
    ("direct", "uncompensated"): "none",
    ("direct", "compensated"): "compensation",
    ("hwa", "uncompensated"): "HWA",
    ("hwa", "compensated"): "HWA and\ncompensation",
    ("hwa_lora", "uncompensated"): "HWA-LoRA",
    ("hwa_lora", "compensated"): "HWA-LoRA and\ncompensation",
}


class Picture(NamedTuple):
    """A drawing with its caption; `name` is that of its file, without folder and suffix."""

    name: str
    figure: Figure
    caption: str


def pictures(run: SavedRun) -> Iterator[Picture]:
    """Everything that can be drawn of one run: scores over time, ablation, energy, spread of the cells, sensitivity."""
    if run.study == "score_over_time" and run.data is not None and "road" in run.data.dims:
        yield from _of_main_job(run)
    elif run.study in ("sweep", "train"):
        yield from _of_sweep(run)
    yield from _energy(run)
    yield from _cells(run)


def _of_main_job(run: SavedRun) -> Iterator[Picture]:
    y = str(run.summary.get("metric", first_values(run)))
    if run.data is None or y not in run.data:
        return
    drawn = plot_runs([run], x="time", y=y, hue="road", col="compensation", same_scale=False)
    name = scale_of(run, y)[1]
    yield Picture("score_over_time", drawn.figure, f"{name[0].upper()}{name[1:]} after programming: {drawn.caption}.")
    yield _ablation(run, y)


def _ablation(run: SavedRun, y: str) -> Picture:
    """Scores with none of the measures, each, and all, at a day or at the end."""
    assert run.data is not None
    times = run.data.time.values
    at = int(np.argmin(np.abs(times - day))) if np.any(np.isclose(times, day)) else len(times) - 1
    scale, label = scale_of(run, y)
    roads, kinds = run.data.road.values.tolist(), run.data.compensation.values.tolist()
    keys = [key for key in _MEASURES if key[0] in roads and key[1] in kinds]
    colours = colours_of(roads)
    figure = Figure(figsize=(1.6 + 1.3 * len(keys), 3.8), layout="constrained")
    axis = figure.subplots()
    for k, (road, kind) in enumerate(keys):
        values = scale * run.data[y].sel(road=road, compensation=kind).isel(time=at).values
        half = float(half_width(values)) if len(values) > 1 else 0.0
        axis.bar(k, values.mean(), yerr=half, capsize=4, color=colours[road], hatch=_HATCHES[kind], edgecolor="white")
        axis.annotate(f"{values.mean():.{1 if scale == 100 else 3}f}", (k, values.mean() + half), ha="center",
                      va="bottom", fontsize="small", xytext=(0, 2), textcoords="offset points")  # fmt: skip
    baseline = baseline_of(run, y)
    if baseline is not None:
        axis.axhline(scale * baseline, color="#444444", linestyle=":", label="digital baseline")
        axis.legend(fontsize="small", loc="upper left", framealpha=0.9)
        axis.set_ylim(top=1.16 * max(axis.get_ylim()[1], scale * baseline))
    if scale == 100.0:
        axis.set_yticks(range(0, 101, 20))
    axis.set_xticks(range(len(keys)), [_MEASURES[key] for key in keys], fontsize="small")
    axis.set(ylabel=label, xlabel="measure against drift and noise")
    when = tick_text(float(times[at]), "s")
    n = run.data.sizes["chip"]
    return Picture("ablation", figure, f"What each measure leaves after {when}: mean of {n} chips, 95 % interval.")


def _of_sweep(run: SavedRun) -> Iterator[Picture]:
    try:
        y = first_values(run)
    except ValueError:
        return
    assert run.data is not None
    array = run.data[y]
    swept = [str(name) for name, coord in array.coords.items() if coord.dims == ("point",) and name != "point"]
    if "time" in array.dims and array.sizes["time"] > 1:
        drawn = plot_runs([run], x="time", y=y)
        yield Picture("score_over_time", drawn.figure, f"Score over time: {drawn.caption}.")
    elif not swept:
        drawn = plot_runs([run], y=y)
        yield Picture("results", drawn.figure, f"{scale_of(run, y)[1]}: {drawn.caption}.")
    for path in swept[:6]:
        if len(np.unique(array.coords[path].values)) > 1:
            few = "time" in array.dims and 1 < array.sizes["time"] <= _MOST_CURVES
            drawn = plot_runs([run], x=path, y=y, hue="time" if few else None)
            yield Picture(f"sensitivity_{path}", drawn.figure, f"Sensitivity to {path}: {drawn.caption}.")


def _energy(run: SavedRun) -> Iterator[Picture]:
    per_mac = run.summary.get("energy_per_mac_J")
    if not isinstance(per_mac, Mapping) or not per_mac.get("total"):
        return
    total = float(per_mac["total"]) / fJ
    caption = f"Energy of one multiply-accumulate by component, {total:.4g} fJ in all."
    yield Picture("energy_breakdown", energy_bars(per_mac), caption)


def _cells(run: SavedRun) -> Iterator[Picture]:
    """Box plots of what cells have changed by since they were programmed."""
    try:
        device = build_device(at_path(run.config, "tile.device"))
        asked = at_path(run.config, "sweep.times")
        times = [parse_quantity(t, "s") if isinstance(t, str) else float(t) for t in asked]
    except (KeyError, ValueError, TypeError):
        return
    if not isinstance(device, AbstractDevice) or not times:
        return
    try:
        changes = _changes(device, times, int(run.config.get("seed", 0)))
    except (ValueError, TypeError, NotImplementedError):  # a device of whole arrays, not of single cells
        return
    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    axes = figure.subplots(1, len(_LEVELS), sharey=True)
    for axis, level, change in zip(axes, _LEVELS, changes, strict=True):
        axis.boxplot(list(change / uS), whis=(5, 95), showfliers=False, medianprops={"color": VERMILLION})
        axis.axhline(0.0, color="#444444", linestyle=":", linewidth=1)
        axis.set_xticks(range(1, len(times) + 1), [tick_text(t, "s") for t in times], rotation=30, ha="right")
        axis.set(title=f"target {level:.0%} of the range", xlabel="time after programming")
        axis.grid(alpha=0.3, axis="y")
    axes[0].set_ylabel("G(t) - G0 (uS)")
    caption = (
        f"Change of the conductance since programming, of {_CELLS} cells drawn anew from the device of the config: "
        "median, quartiles, 5 to 95 %."
    )
    yield Picture("conductance_change", figure, caption)


def _changes(device: Any, times: Sequence[float], seed: int) -> list[np.ndarray]:
    """For each level, `[times, cells]` of G(t) less what was programmed [S]."""
    found = []
    for key, level in zip(jr.split(jr.key(seed), len(_LEVELS)), _LEVELS, strict=True):
        target = device.g_min + jnp.asarray(level, jnp.float32) * (device.g_max - device.g_min)
        cells = device.program(jnp.broadcast_to(target, (_CELLS,)), key=key)
        after = [np.asarray(device.drift(cells, jnp.asarray(t, jnp.float32)), np.float64) for t in times]
        found.append(np.stack(after) - np.asarray(cells.g, np.float64))
    return found
