"""Which input matters, as bars around the result."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..chips.economics import Tornado
from ._inputs import readable
from ._palette import BLACK, BLUE, ORANGE


def plot_tornado(found: Tornado, axes: Axes | None = None, *, most: int = 12, label: str = "cost", unit: str) -> Axes:
    """Bars from the result with an input at its low end, and at its high end, those with the largest swing on top. A
    bar to infinity ends in a sign for it.

    **Arguments:** `found`, from `chips.tornado`; `axes`, default new ones; `most`, bars shown; `label` and `unit` of
    the result, such as "cost" and "USD per million tokens".

    **Raises:** `ValueError` where the result is infinite, or no input changes it.
    """
    bars = [bar for bar in found.bars if bar.swing > 0.0][:most]
    if not bars or not math.isfinite(found.result):
        raise ValueError(f"a tornado has bars around a finite result, got {len(bars)} around {found.result:.4g} {unit}")
    if axes is None:
        axes = Figure(figsize=(7.0, 1.2 + 0.36 * len(bars)), layout="constrained").subplots()
    far = 1.2 * max(v for bar in bars for v in (bar.at_low, bar.at_high, found.result) if math.isfinite(v))
    for side, colour, hatch in (("low", BLUE, None), ("high", ORANGE, "//")):  # told apart without colours too
        ends = [min(getattr(bar, f"at_{side}"), far) for bar in bars]
        widths = [end - found.result for end in ends]
        axes.barh(
            range(len(bars)), widths, left=found.result, color=colour, hatch=hatch, label=f"input at its {side} end"
        )
        for k, bar in enumerate(bars):
            if math.isinf(getattr(bar, f"at_{side}")):
                axes.annotate("∞", (far, k), va="center")
    names = [f"{bar.name}\n{readable(bar.low, bar.unit)} to {readable(bar.high, bar.unit)}" for bar in bars]
    axes.set_yticks(range(len(bars)), names, fontsize="x-small")
    axes.invert_yaxis()
    axes.axvline(found.result, color=BLACK, linewidth=1)
    axes.set(xlabel=f"{label} ({unit})", title=f"{found.result:.4g} {unit}")
    axes.grid(alpha=0.3, axis="x")
    axes.legend(fontsize="small")
    return axes


def tornado_table(found: Tornado, *, most: int = 12) -> list[list[str]]:
    """Rows of input, low, value and high, the results at both ends, swing and elasticity, of the first `most` inputs of
    `found` (`chips.tornado`); the header first."""
    head = ["input", "low", "value", "high", "at low", "at high", "swing", "elasticity"]
    row = lambda bar: [
        bar.name,
        *(readable(value, bar.unit) for value in (bar.low, bar.value, bar.high)),
        *(f"{value:.4g}" for value in (bar.at_low, bar.at_high, bar.swing)),
        f"{bar.elasticity:+.3f}",
    ]
    return [head, *(row(bar) for bar in found.bars[:most])]
