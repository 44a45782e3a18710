"""Devices side by side, and one of them in a picture."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import devices
from ..devices import AbstractDevice, Datasheet, Quoted
from ..units import day, format_quantity, format_time, hour, uS, year
from ._palette import BLACK, BLUE, SKY


_LEVELS = (0.1, 0.4, 1.0)  # of the range, for the drift panel
_COLOURS = (SKY, BLUE, BLACK)
_N = 1000  # cells a point: its standard deviation is known to 2 %
DEVICE_COLUMNS = (
    "name", "range", "on/off", "programming error", "drift, 1 day", "read noise", "endurance (cycles)", "retention",
    "write energy", "write time", "source",
)  # fmt: skip


def device_table(names: Sequence[str]) -> list[list[str]]:
    """One row of `DEVICE_COLUMNS` for every preset of `names`: statistics of a sample of cells (errors in percent of
    the target at half range, read noise in percent of `g_max`), and what the data sheet says; a dash where nothing is
    published."""
    return [_row(name) for name in names]


def datasheet_lines(sheet: Datasheet) -> list[tuple[str, str, str]]:
    """Quantity, value and source of everything that `sheet` knows."""
    units = {
        "g_range": "S",
        "times": "s",
        "write_energy": "J",
        "write_time": "s",
        "write_voltage": "V",
        "voltages": "V",
    }
    lines = [("technology", sheet.technology, sheet.source)]
    for name, value in vars(sheet).items():
        if isinstance(value, Quoted):
            unit = "s" if name == "retention" else units.get(name, "1")
            lines.append((name.replace("_", " "), _quoted(value, unit), value.source))
    return lines


def parameter_lines(component: Any) -> list[tuple[str, str, str]]:
    """Name, value and source of every parameter of a device or another `component`, its parts indented under it."""
    lines: list[tuple[str, str, str]] = []
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        if dataclasses.is_dataclass(value):
            inner = [(f"  {name}", text, source) for name, text, source in parameter_lines(value)]
            lines += [(field.name, type(value).__name__, ""), *inner]
        elif eqx.is_array(value):
            unit = field.metadata.get("unit", "1")
            numbers = [_number(float(each), unit) for each in np.ravel(value)]
            lines.append((field.name, ", ".join(numbers), _doc(field, value)))
        elif value is not None:
            lines.append((field.name, str(value), ""))
    return lines


def plot_device(device: AbstractDevice, path: Path, *, title: str, key: Any = None) -> None:
    """Draws programming error, drift with its spread, and read noise of `device` into the PNG `path`, under `title`.
    Cells are drawn from `key`, by default the same ones."""
    key = jr.key(0) if key is None else key
    figure = Figure(figsize=(12.0, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    x = jnp.linspace(0.02, 1.0, 25)
    cells = jax.vmap(lambda x, key: _program(device, x, key))(x, jr.split(key, len(x)))
    g = device.g_min + x * (device.g_max - device.g_min)
    _programming(axes[0], device, cells, np.asarray(g))
    _drift(axes[1], device, key)
    _read_noise(axes[2], device, cells, np.asarray(g))
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def _doc(field: dataclasses.Field, value: Any) -> str:
    is_default = isinstance(field.default, float) and np.allclose(value, field.default, rtol=1e-6, atol=0.0)
    return field.metadata.get("doc", "") if is_default else ""  # the source is that of the default


def _row(name: str) -> list[str]:
    sheet, device = devices.datasheet(name), devices.preset(name)
    s = devices.statistics(device, key=jr.key(0))
    ratio = f"{s['g_max'] / s['g_min']:.3g}" if s["g_min"] > 0 else _quoted(sheet.on_off, "1")
    return [
        name, f"{_sig(s['g_min'] / uS)} to {_sig(s['g_max'] / uS)} uS", ratio, f"{100 * s['programming_error']:.1f} %",
        f"{100 * (s['drift_factor'] - 1):+.1f} ± {100 * s['drift_spread']:.1f} %", f"{100 * s['read_noise']:.2g} %",
        _quoted(sheet.endurance, "1"), _quoted(sheet.retention, "s"), _quoted(sheet.write_energy, "J"),
        _quoted(sheet.write_time, "s"), sheet.source,
    ]  # fmt: skip


def _sig(value: float) -> str:
    return f"{value:.3g}"


def _quoted(quoted: Quoted | None, unit: str) -> str:
    if quoted is None:
        return "-"
    value = quoted.value
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, tuple) else (value,)
    return " to ".join(_number(part, unit) for part in parts)


def _number(value: float, unit: str) -> str:
    if unit == "s" and value >= 60:
        return format_time(value)
    return f"{value:.3g}" if unit == "1" or value == 0 else format_quantity(float(f"{value:.3g}"), unit)


def _program(device: AbstractDevice, x: Any, key: Any) -> Any:
    target = device.g_min + x * (device.g_max - device.g_min)
    return device.program(jnp.broadcast_to(target, (_N,)), key=key)


def _programming(axis: Axes, device: AbstractDevice, cells: Any, g: np.ndarray) -> None:
    error = np.asarray(cells.g) / uS - g[:, None] / uS
    low, middle, high = np.quantile(error, [0.16, 0.5, 0.84], axis=1)
    axis.fill_between(g / uS, low, high, alpha=0.3, color=BLUE, label="16 to 84 %")
    axis.plot(g / uS, middle, color=BLUE, label="median")
    axis.plot(g / uS, error.std(axis=1), "k--", label="standard deviation")
    axis.set(xlabel="target conductance (uS)", ylabel="programmed - target (uS)", title="programming error")
    axis.legend(fontsize="small")


def _drift(axis: Axes, device: AbstractDevice, key: Any) -> None:
    times = np.geomspace(1.0, year, 25)
    for level, colour in zip(_LEVELS, _COLOURS, strict=True):
        cells = _program(device, level, key)
        g = np.stack([np.asarray(device.drift(cells, float(t))) for t in times]) / uS
        low, middle, high = np.quantile(g, [0.16, 0.5, 0.84], axis=1)
        axis.plot(times, middle, color=colour, label=f"{level:.0%} of the range")
        axis.fill_between(times, low, high, alpha=0.25, color=colour, linewidth=0)
    ticks = (1.0, 60.0, hour, day, 30 * day, year)
    axis.set_xscale("log")
    axis.set_xticks(ticks, [format_time(t) for t in ticks], rotation=30, ha="right")
    axis.minorticks_off()
    axis.set(xlabel="time after programming", ylabel="conductance (uS)", title="drift: median, 16 to 84 %")
    axis.legend(fontsize="small")


def _read_noise(axis: Axes, device: AbstractDevice, cells: Any, g: np.ndarray) -> None:
    axis.set(xlabel="target conductance (uS)", ylabel="deviation of one read (uS)", title="read noise")
    for t, style in ((1.0, "-"), (day, "--")):
        std = device.read_std(cells, t)
        rms = np.zeros_like(g) if std is None else np.sqrt(np.mean(np.asarray(std) ** 2, axis=1))
        axis.plot(g / uS, rms / uS, style, color=BLUE, label=f"after {format_time(t)}")
    axis.legend(fontsize="small")
