"""Numbers on axes as people write them: with prefixes, times as they say them, logarithmic where steps are ratios."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, MultipleLocator, NullLocator

from ..units import UNITS, day, format_quantity, format_time, hour, minute, week, year


_DAYS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650)
_TIMES = tuple(10.0**k for k in range(-12, 1)) + (10.0, minute, 10 * minute, hour, 6 * hour, day, week, 30 * day, year,
                                                10 * year, 100 * year)  # fmt: skip
_COUNTED = ("epoch", "bits", "step", "seed", "chip")


def tick_text(value: Any, unit: str) -> str:
    """One `value`, in `unit`, of an axis, a legend or a title."""
    if isinstance(value, bool) or not isinstance(value, (float, int, np.number)):
        return str(value)
    if unit == "s" and value >= 1:
        said = format_time(float(value))
        return said if "e+" not in said and len(said) < 9 else _long(float(value))
    return format_quantity(float(f"{value:.4g}"), unit) if unit in UNITS and unit != "1" else f"{value:.4g}"


def set_ticks(axis: Axes, values: np.ndarray, x: str, unit: str, *, log: bool | None = None) -> None:
    """Scale and ticks of the horizontal axis for the `values` of `x`, in `unit`; `log`, what is known of the scale."""
    if _logarithmic(values, unit) if log is None else log:
        axis.set_xscale("log")
        if len(values) <= 12:
            _at_values(axis, values, unit)
        elif unit == "s":
            shown = [t for t in _TIMES if values.min() <= t <= values.max()]
            _at_values(axis, np.asarray(shown[:: -(-len(shown) // 12)] or values[[0, -1]]), unit)
        else:
            set_log_ticks(axis.xaxis, unit)
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


def set_log_ticks(axis: Axis, unit: str = "") -> None:
    """Numbers instead of powers of ten on a logarithmic `axis`, in `unit`: decades, or steps within them if it spans
    too few, so that there are two at least."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(10, (1.0,) if high >= 100 * low else (1.0, 2.0, 5.0), numticks=12))
    if unit in UNITS and unit not in ("1", "m2"):
        axis.set_major_formatter(EngFormatter(unit=unit))
    elif low >= 1e-4 and high <= 1e6:
        axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_minor_locator(NullLocator())


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
