"""Several runs side by side: in what their configs differ, and what that made of the scores."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Real
from scipy import stats

from ...sweeps import half_width
from ...units import day
from .._saved_run import SavedRun, flat, section
from ..curves import Drawing, LongTable, differing, first_values, long_table, plot_runs, scale_of, tick_text
from ._markup import UNKNOWN, code, escape


class Difference(NamedTuple):
    """Between two populations of chips: `mean` with the ends of its 95 % interval; `paired` chip by chip, or not."""

    mean: float
    low: float
    high: float
    paired: bool


def config_rows(runs: Sequence[SavedRun]) -> list[list[str]]:
    """A row for every path at which the configs differ, with the value of each run."""
    trees = [flat(run.config) for run in runs]
    show = lambda value: UNKNOWN if value is _MISSING else code("null" if value is None else value)
    return [[code(path), *(show(tree.get(path, _MISSING)) for tree in trees)] for path in differing(runs)]


_MISSING = object()


def difference(one: Real[np.ndarray, " chips"], other: Real[np.ndarray, " others"], *, paired: bool) -> Difference:
    """Of `other` less `one`, with Student's interval if `paired`, and Welch's if not.

    **Raises:** `ValueError` for fewer than two chips, or pairs that are not whole.
    """
    if min(len(one), len(other)) < 2:
        raise ValueError(f"an interval needs at least two chips, got {len(one)} and {len(other)}")
    if not paired:
        found = stats.ttest_ind(other, one, equal_var=False).confidence_interval(0.95)
        return Difference(float(np.mean(other) - np.mean(one)), float(found.low), float(found.high), False)
    if len(one) != len(other):
        raise ValueError(f"pairs need as many chips in both, got {len(one)} and {len(other)}")
    apart = np.asarray(other, np.float64) - one
    mean, half = float(np.mean(apart)), float(half_width(apart))
    return Difference(mean, mean - half, mean + half, True)


def common(runs: Sequence[SavedRun]) -> tuple[str, list[SavedRun], dict[str, str]] | None:
    """The values that all runs have, over time and chips; the runs with what is alike in them, and what that is: the
    last road that all took, and drift compensated, but beside sweeps without compensation."""
    if any(run.data is None for run in runs):
        return None
    y = first_values(runs[0])
    arrays = [run.data[y] for run in runs if run.data is not None and y in run.data]
    if len(arrays) < len(runs) or any("time" not in array.dims for array in arrays):
        return None
    taken = [found for found in (_roads(run, array) for run, array in zip(runs, arrays, strict=True)) if found]
    shared = [road for road in ("hwa_lora", "hwa", "direct") if all(road in found for found in taken)]
    if taken and not shared:
        return None
    plain = [run for run in runs if run.study == "sweep" and section(run.config, "chip").get("compensation") is None]
    compensation = "uncompensated" if plain else "compensated"
    road = {"road": shared[0], "network": shared[0]} if taken else {}
    kept = {**road, "compensation": compensation}
    told = {name: value for name, value in kept.items() if any(name in array.coords for array in arrays)}
    return y, [_only(run, y, kept) for run in runs], told


def _roads(run: SavedRun, array: Any) -> list[str]:
    """Those of a main job, or the networks of a sweep; none where there is no such thing."""
    for name in ("road", "network"):
        if name in array.coords:
            return array.coords[name].values.tolist()
    networks = section(run.config, "sweep").get("networks") if run.study == "sweep" else None
    return list(networks)[:1] if isinstance(networks, (list, tuple)) else []


def _only(run: SavedRun, y: str, kept: Mapping[str, str]) -> SavedRun:
    """The run with those of its values `y` that have what is `kept`, where they have it at all."""
    assert run.data is not None
    data = run.data
    for name, value in kept.items():
        coord = data[y].coords.get(name)
        if coord is not None and coord.ndim == 1 and value in coord.values.tolist():
            data = data.isel({coord.dims[0]: np.flatnonzero(coord.values == value)})
    return dataclasses.replace(run, data=data)


def comparison_plot(runs: Sequence[SavedRun]) -> Drawing | None:
    """Scores of all runs over time, if they have the same ones."""
    found = common(runs)
    if found is None:
        return None
    y, alike, told = found
    drawn = plot_runs(alike, x="time", y=y, hue="run")
    kept = ", ".join(dict.fromkeys(told.values()))
    return dataclasses.replace(drawn, caption=f"{kept}; {drawn.caption}") if kept else drawn


def difference_rows(runs: Sequence[SavedRun]) -> list[list[str]]:
    """For the first time, a day and the last time that all have: each run's mean and its difference from the first
    one's; the header first. Chips are common where the runs have one seed and as many chips."""
    found = common(runs)
    if found is None:
        return []
    y, alike, _ = found
    scale, label = scale_of(runs[0], y)
    tables = [long_table([run], y, ["time"]) for run in alike]
    moments = _moments(tables)
    rows = [
        ["after", "run", f"{label}, mean ± std", f"difference from {escape(runs[0].label)}, 95 % interval", "chips"]
    ]
    digits = 1 if scale == 100.0 else 3
    for t in moments:
        each = [scale * _by_chip(table, t) for table in tables]
        for run, values in zip(runs, each, strict=True):
            spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
            text, how = UNKNOWN, f"{len(values)}"
            if run is not runs[0] and min(len(values), len(each[0])) > 1:
                apart = difference(each[0], values, paired=_common_chips(runs[0], run, each[0], values))
                text = f"{apart.mean:+.{digits}f} [{apart.low:+.{digits}f}, {apart.high:+.{digits}f}]"
                how += ", paired" if apart.paired else ", not paired"
            rows.append(
                [tick_text(t, "s"), escape(run.label), f"{np.mean(values):.{digits}f}{spread}", escape(text), how]
            )
    return rows


def _common_chips(one: SavedRun, other: SavedRun, first: np.ndarray, second: np.ndarray) -> bool:
    seeds = one.config.get("seed", _MISSING), other.config.get("seed", _MISSING)
    return len(first) == len(second) and seeds[0] == seeds[1] and _MISSING not in seeds


def _moments(tables: Sequence[LongTable]) -> list[float]:
    shared = set.intersection(*(set(table.columns["time"].tolist()) for table in tables))
    times = sorted(shared)
    wanted = {*times[:1], *times[-1:], *(t for t in times if np.isclose(t, day))}
    return sorted(wanted)


def _by_chip(table: LongTable, t: float) -> np.ndarray:
    """The mean of every chip at one time, in the order of the chips."""
    here: Any = table.columns["time"] == t
    names, inverse = np.unique(table.replicate[here], return_inverse=True)
    order = np.argsort([int(name.partition(":")[2]) for name in names])
    return (np.bincount(inverse, table.values[here]) / np.bincount(inverse))[order]
