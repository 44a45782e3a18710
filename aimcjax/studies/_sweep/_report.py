"""What a sweep found, as a report."""

from typing import Any

import numpy as np

from ... import reports, sweeps
from ...config import Config
from ...units import format_quantity, format_time


CURVES = 9  # in a picture; more are a crowd
ROWS = 200  # in a table
NAMED = 3  # points in a sentence
TICK = 18  # letters of a name below a picture
_UNITS = {"loss": "nats"}  # of metrics that are not those of the data


def sweep_report(config: Config, data: Any, ranked: list[sweeps.Sensitivity], *, wall_s: float) -> reports.StudyReport:
    """The report of a sweep: its first metric at every point and time, how it settled, and what it is sensitive to."""
    name = data.attrs["metrics"][0]
    table = sweeps.statistics(data[name])
    flat, labels = _flat(table), _labels(data[name])
    header, rows = _table(config, flat, labels, name)
    tables = {"Sensitivity of the loss": _ranking(ranked)} if ranked else {}
    return reports.StudyReport(
        name=config.name,
        title=f"{name} of {data.sizes['chip']} chips at {len(labels)} point{'s' * (len(labels) > 1)}",
        opening=f"Every point has the same {data.sizes['chip']} chips and draws of read noise (common random numbers): "
        "differences between points are sharper than their intervals.",
        findings=_findings(config, flat, labels, name, ranked),
        header=header,
        rows=rows[:ROWS],
        pictures=_pictures(config, data, labels, name),
        tables=tables,
        notes=[
            "95 % intervals: Student's over chips, and the bootstrap's for means of few distinct values.",
            *(f"{line}." for line in not_finite(data)),
            *_about_ranking(config, labels, ranked),
            *([f"The table shows the first {ROWS} of {len(rows)} rows; `results.zarr` has all."] * (len(rows) > ROWS)),
            *reports.references(config.tile),
        ],
        arrays={str(key): (tuple(map(str, v.dims)), v.values, v.attrs) for key, v in data.data_vars.items()},
        coords={str(key): (v.dims, v.values, v.attrs) for key, v in data.coords.items()},
        summary={
            "metric": name,
            "n_chips": data.sizes["chip"],
            "points": _numbers(flat, labels, data["time"].values),
            "sensitivity": [dict(one._asdict()) for one in ranked],
            "wall_s": wall_s,
        },
        wall_s=wall_s,
        repeat="aimcjax sweep config.yaml",
    )  # fmt: skip


def not_finite(data: Any) -> list[str]:
    """A line for every metric that is no number somewhere: at which points, and on how many chips."""
    lines = []
    for name, values in data.data_vars.items():
        bad = ~np.isfinite(values.transpose(*_point_dims(values), "chip", "time").values)
        bad = bad.reshape(-1, *bad.shape[-2:]).any(axis=-1)  # [points, chips]
        where = [label for label, chips in zip(_labels(values), bad, strict=True) if chips.any()]
        if where:
            points = "; ".join(where[:NAMED]) + f" and {len(where) - NAMED} more points" * (len(where) > NAMED)
            n = int(bad.any(axis=0).sum())
            lines.append(f"{name} is NaN or infinite on {n} of {bad.shape[1]} chips, at {points}")
    return lines


def _point_dims(values: Any) -> list[str]:
    return [str(dim) for dim in values.dims if dim not in ("chip", "time", "q", "n_chips")]


def _flat(table: Any) -> dict[str, np.ndarray]:
    """Statistics as arrays [points, times]; quantiles [q, points, times]."""
    n_times = table.sizes["time"]
    dims = _point_dims(table["mean"])
    ordered = table.transpose("q", *dims, "time")
    return {str(k): v.values.reshape((*v.shape[:1], -1, n_times) if "q" in v.dims else (-1, n_times))
            for k, v in ordered.data_vars.items()}  # fmt: skip


def _labels(values: Any, dims: list[str] | None = None) -> list[str]:
    """What every point stands for, or every combination of some axes."""
    dims = _point_dims(values) if dims is None else dims
    if not dims:
        return ["the network"]
    short = _endings([str(name) for name in values.coords])
    if dims == ["point"]:
        paths = [str(name) for name, coord in values.coords.items() if coord.dims == ("point",) and name != "point"]
        return [
            ", ".join(f"{short[p]}={_value(values[p], i)}" for p in paths) or str(i)
            for i in range(values.sizes["point"])
        ]
    grid = np.indices([values.sizes[dim] for dim in dims]).reshape(len(dims), -1).T
    return [
        ", ".join(f"{short[d]}={_value(values[d], int(i))}" for d, i in zip(dims, row, strict=True)) for row in grid
    ]


def _endings(paths: list[str]) -> dict[str, str]:
    """Of every path the shortest ending that no other has: `adc.bits` beside `dac.bits`, but `bits` alone."""
    parts = {path: path.split(".") for path in paths}
    alone = lambda path, n: sum(other[-n:] == parts[path][-n:] for other in parts.values()) == 1
    fewest = {path: next((n for n in range(1, len(parts[path])) if alone(path, n)), len(parts[path])) for path in paths}
    return {path: ".".join(parts[path][-n:]) for path, n in fewest.items()}


def _value(coord: Any, index: int) -> str:
    value, unit = coord.values[index], coord.attrs.get("units", "")
    if not isinstance(value, (int, float, np.number)):
        return str(value)
    return format_quantity(float(f"{value:.4g}"), unit) if unit not in ("", "1") else f"{value:.4g}"


def _table(
    config: Config, flat: dict[str, np.ndarray], labels: list[str], name: str
) -> tuple[list[str], list[list[str]]]:
    number = _formatted(config, name)
    unit = f" [{_unit(config, name)}]" if _unit(config, name) else ""
    numbers = ("mean", "std", "95 % interval", "bootstrap", "5 % to 95 % of chips")
    header = ["point", "time", *(f"{head}{unit}" for head in numbers)]
    rows = []
    for p, label in enumerate(labels):
        for i, t in enumerate(config.sweep.times):
            pick = lambda key, p=p, i=i: number(flat[key][p, i])
            quantiles = flat["quantile"][:, p, i]
            rows.append([
                label, format_time(t), pick("mean"), pick("std"), f"{pick('low')} to {pick('high')}",
                f"{pick('boot_low')} to {pick('boot_high')}", f"{number(quantiles[0])} to {number(quantiles[-1])}",
            ])  # fmt: skip
    return header, rows


def _formatted(config: Config, name: str) -> Any:
    metric = config.data.metric
    return metric.format if name == metric.key else lambda value: f"{value:.4g}"


def _unit(config: Config, name: str) -> str:
    """What the numbers of a metric are printed in; empty for a mere number."""
    metric = config.data.metric
    unit = metric.unit if name == metric.key else _UNITS.get(name, "")
    return "" if unit == "1" else unit


def _findings(
    config: Config, flat: dict[str, np.ndarray], labels: list[str], name: str, ranked: list[sweeps.Sensitivity]
) -> list[str]:
    last, unit = flat["mean"][:, -1], _unit(config, name)
    number = lambda value: f"{_formatted(config, name)(value)} {unit}".strip()
    lines = [f"{name} at {format_time(config.sweep.times[-1])}: {number(last[0])} at {labels[0]}."]
    if len(labels) > 1:
        low, high = int(np.argmin(last)), int(np.argmax(last))
        lines = [
            f"{name} at {format_time(config.sweep.times[-1])}: from {number(last[low])} ({labels[low]}) to "
            f"{number(last[high])} ({labels[high]})."
        ]
    if ranked:
        first = ranked[0]
        lines.append(
            f"The loss is most sensitive to {first.path}: one percent of it changes it by {first.effect:+.2g} nats."
        )
    return lines


def _about_ranking(config: Config, labels: list[str], ranked: list[sweeps.Sensitivity]) -> list[str]:
    asked = config.sweep.sensitivity
    if asked is None or not ranked:
        return []
    t = config.sweep.times[-1] if asked.time is None else asked.time
    without = [f"`{one.path}`" for one in ranked if not one.gradient]
    return [
        f"Sensitivities are pathwise gradients of the expected loss at {labels[0]} after {format_time(t)}, on "
        f"{asked.n_chips} chips; converters pass gradients as their surrogates.",
        *([f"No gradient by {', '.join(without)}."] * bool(without)),
    ]


def _ranking(ranked: list[sweeps.Sensitivity]) -> list[list[str]]:
    header = ["parameter", "value", "d loss / d parameter", "± (95 %)", "effect of 1 % [nats]"]
    rows = [
        [f"`{one.path}`", f"{one.value:.4g} {one.unit if one.unit != '1' else ''}".strip(), f"{one.gradient:.3g}",
         f"{one.ci95:.2g}", f"{one.effect:+.2e}"]
        for one in ranked if one.gradient
    ]  # fmt: skip
    return [header, *rows]


def _pictures(config: Config, data: Any, labels: list[str], name: str) -> dict[str, Any]:
    axis = _numeric_axis(data[name])
    panels = _over_time(config, data[name], labels) if axis is None else _over_axis(config, data[name], axis)
    caption = f"{name}: means over {data.sizes['chip']} chips with 95 % intervals."
    if axis is None and len(labels) > CURVES:
        caption += f" Every {-(-len(labels) // CURVES)}th of {len(labels)} points is drawn."
    if data.sizes["chip"] < 3:
        return {"sweep.png": (panels, caption)}
    settled = (
        "Half of the 95 % interval of the mean as chips come in: the widest and the median of all points and times."
    )
    return {"sweep.png": (panels, caption), "convergence.png": ([_convergence(config, data[name])], settled)}


def _numeric_axis(values: Any) -> str | None:
    """The axis with the most numbers, if there is one with three at least."""
    numeric = [dim for dim in _point_dims(values) if dim != "point" and values[dim].dtype.kind in "fiu"]
    long = [dim for dim in numeric if values.sizes[dim] > 2]
    return max(long, key=lambda dim: values.sizes[dim]) if long else None


def _over_axis(config: Config, values: Any, axis: str) -> list[reports.Panel]:
    """A panel for every time (at most four), the axis along x, a curve for every combination of the others."""
    others = [dim for dim in _point_dims(values) if dim != axis]
    scale, ylabel = _scale(config, str(values.name))
    n_times = values.sizes["time"]
    at = sorted({round(k * (n_times - 1) / 3) for k in range(4)}) if n_times > 4 else list(range(n_times))
    x = values[axis].values
    log = "x" if x.min() > 0 and x.max() / x.min() >= 30 else ""
    unit = values[axis].attrs.get("units", "")
    panels = []
    for i in at:
        flat = values.isel(time=i).transpose("chip", *others, axis).values
        flat = scale * flat.reshape(flat.shape[0], -1, flat.shape[-1])
        names = _labels(values.isel({axis: 0}), others) if others else [str(values.name)]
        shown = list(range(len(names)))[:: max(1, -(-len(names) // CURVES))]
        panels.append(reports.Panel(
            format_time(float(values["time"][i])), x, {names[p]: flat[:, p] for p in shown},
            axis, ylabel, log=log, intervals=flat.shape[0] > 1, unit=unit,
        ))  # fmt: skip
    return panels


def _over_time(config: Config, values: Any, labels: list[str]) -> list[reports.Panel]:
    """Curves over time for so many points as can be told apart, or points side by side."""
    scale, ylabel = _scale(config, str(values.name))
    flat = scale * values.transpose("chip", *_point_dims(values), "time").values
    flat = flat.reshape(flat.shape[0], -1, flat.shape[-1])
    shown = list(range(len(labels)))[:: max(1, -(-len(labels) // CURVES))]
    intervals = flat.shape[0] > 1
    if values.sizes["time"] == 1:
        ticks, curves = [_tick(labels[p]) for p in shown], {str(values.name): flat[:, shown, 0]}
        label = ", ".join(dict.fromkeys(part.partition("=")[0] for part in labels[0].split(", ")))
        return [reports.Panel(ylabel, np.arange(len(shown)), curves, label, ylabel, ticks=ticks, intervals=intervals)]
    curves = {labels[p]: flat[:, p] for p in shown}
    label, times = "time after programming", np.asarray(config.sweep.times)
    return [reports.Panel("", times, curves, label, ylabel, log="x", intervals=intervals, unit="s")]


def _tick(label: str) -> str:
    """The values of a point without the names of its axes, short of their middle if they are long."""
    short = ", ".join(part.partition("=")[2] or part for part in label.split(", "))
    return short if len(short) <= TICK else f"{short[: TICK // 2]}…{short[-TICK // 2 :]}"


def _convergence(config: Config, values: Any) -> reports.Panel:
    settled = sweeps.convergence(values)["half_width"]
    scale, ylabel = _scale(config, str(values.name))
    widths = scale * settled.transpose("n_chips", ...).values.reshape(settled.sizes["n_chips"], -1)
    curves = {"widest": np.max(widths, axis=1)[None], "median": np.median(widths, axis=1)[None]}
    return reports.Panel("", settled["n_chips"].values, curves, "chips", f"half of the interval, {ylabel}", log="xy")


def _scale(config: Config, name: str) -> tuple[float, str]:
    metric = config.data.metric
    unit = f" [{_unit(config, name)}]" if _unit(config, name) else ""
    return (metric.scale, f"{metric.name}{unit}") if name == metric.key else (1.0, f"{name}{unit}")


def _numbers(flat: dict[str, np.ndarray], labels: list[str], times: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"point": label, "times": [
            {"t_s": float(t), "mean": float(flat["mean"][p, i]), "std": float(flat["std"][p, i]),
             "ci95": [float(flat["low"][p, i]), float(flat["high"][p, i])]}
            for i, t in enumerate(times)]}
        for p, label in enumerate(labels)
    ]  # fmt: skip
