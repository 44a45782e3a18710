"""Pictures of memristors: loops, lobe areas, and how far from ideal."""

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .._types import AnyArray
from ..devices.memristors import Ideality, Trace
from ._palette import BLACK, BLUE, VERMILLION


def plot_hysteresis(trace: Trace, axes: Axes | None = None, *, label: str | None = None) -> Axes:
    """Current against voltage of one `trace`, drawn into `axes` or new ones, which are returned. With a `label` it gets
    a colour of its own, and a line in the legend."""
    axes = axes or _new()
    current = np.asarray(trace.i)
    factor, prefix = _scale(float(np.max(np.abs(current), initial=0.0)))
    axes.plot(np.asarray(trace.v), current * factor, color=None if label else BLUE, linewidth=1.2, label=label)
    axes.axhline(0.0, color=BLACK, linewidth=0.5)
    axes.axvline(0.0, color=BLACK, linewidth=0.5)
    axes.set(xlabel="voltage (V)", ylabel=f"current ({prefix}A)")
    axes.grid(alpha=0.3)
    if label:
        axes.legend(fontsize="small")
    return axes


def plot_lobe_area(
    frequencies: Real[AnyArray, " frequencies"], areas: Real[AnyArray, "frequencies 2"], axes: Axes | None = None
) -> Axes:
    """`areas` [W] of both lobes, as `lobe_areas` gives them, against `frequencies` [Hz], with the slope of 1 / f."""
    axes = axes or _new()
    frequencies, areas = np.asarray(frequencies), np.asarray(areas)
    for column, (name, colour, style) in enumerate((("positive", BLUE, "o-"), ("negative", VERMILLION, "s--"))):
        axes.loglog(frequencies, areas[:, column], style, color=colour, markersize=4, label=f"lobe at {name} voltage")
    last = np.argmax(frequencies)
    guide = areas[last, 0] * frequencies[last] / frequencies
    axes.loglog(frequencies, guide, color=BLACK, linewidth=1, linestyle=":", label="1 / f")
    axes.set(xlabel="frequency (Hz)", ylabel="lobe area (W)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return axes


def plot_ideality(ideality: Ideality, axes: Axes | None = None) -> Axes:
    """Deviation of the final resistance from its mean after every waveform of the same flux."""
    axes = axes or _new()
    resistance = np.asarray(ideality.resistance)
    deviation = resistance / resistance.mean() - 1
    axes.bar(("pulse", "half sine", "triangle", "ramp", "two pulses"), deviation, color=BLUE)
    axes.axhline(0.0, color=BLACK, linewidth=0.5)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.set(ylabel="resistance, off its mean", title=f"largest deviation {float(ideality.error):.2g}")
    axes.grid(alpha=0.3, axis="y")
    return axes


def _new() -> Axes:
    import matplotlib.pyplot as plt  # slow, and only a figure of one's own needs it

    _, axes = plt.subplots(figsize=(5.0, 3.6), layout="constrained")
    return axes


def _scale(largest: float) -> tuple[float, str]:
    for factor, prefix in ((1.0, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n")):
        if largest * factor >= 1:
            return factor, prefix
    return 1e12, "p"
