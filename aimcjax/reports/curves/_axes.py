"""Numbers on axes as people write them: with prefixes, times as they say them, logarithmic where steps are ratios."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator, MultipleLocator

from ...units import UNITS, day, format_quantity, format_time, year


_DAYS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650)
_COUNTED = ("epoch", "bits", "step", "seed", "chip")


def tick_text(value: Any, unit: str) -> str:
    """One `value`, in `unit`, of an axis, a legend or a title."""
    if isinstance(value, bool) or not isinstance(value, (float, int, np.number)):
        return str(value)
    if unit == "s" and value >= 1:
        said = format_time(float(value))
        return said if "e+" not in said and len(said) < 9 else _long(float(value))
    return format_quantity(float(f"{value:.4g}"), unit) if unit in UNITS and unit != "1" else f"{value:.4g}"


def set_ticks(axis: Axes, values: np.ndarray, x: str, unit: str) -> None:
    """Scale and ticks of the horizontal axis for the `values` of `x`, in `unit`."""
    if _logarithmic(values, unit):
        axis.set_xscale("log")
        if len(values) <= 12:
            _at_values(axis, values, unit)
    elif len(values) <= 6:
        _at_values(axis, values, unit)
    elif unit == "s" and values.max() >= 2 * day:
        step = next((days for days in _DAYS if np.ptp(values) / day <= 8 * days), _DAYS[-1])
        axis.xaxis.set_major_locator(MultipleLocator(step * day))
        axis.xaxis.set_major_formatter(lambda t, _: f"{t / day:g}")
        axis.set_xlabel(f"{axis.get_xlabel()} (days)")
    elif unit in UNITS and unit not in ("1", "m2"):
        axis.xaxis.set_major_locator(MaxNLocator(6))
        axis.xaxis.set_major_formatter(EngFormatter(unit=unit))
    elif x.split(".")[-1] in _COUNTED:
        axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def _logarithmic(values: np.ndarray, unit: str) -> bool:
    if len(values) < 3 or values.min() <= 0 or values.max() <= 30 * values.min():
        return False
    steps = np.diff(np.log(values))
    few_times = unit == "s" and len(values) <= 12
    return few_times or steps.max() < 4 * steps.min()


def _at_values(axis: Axes, values: np.ndarray, unit: str) -> None:
    texts = [tick_text(value, unit) for value in values]
    turned = sum(map(len, texts)) > 24
    axis.set_xticks(values, texts, rotation=30 if turned else 0, ha="right" if turned else "center")
    axis.minorticks_off()


def _long(t: float) -> str:
    return f"{t / year:.3g} years" if t >= year else f"{t / day:.3g} days" if t >= day else f"{t / 3600:.3g} h"
