"""What one multiply-accumulate costs, as bars."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ..units import fJ
from ._palette import GREEN


def energy_bars(per_mac: Mapping[str, Any]) -> Figure:
    """Energy by component of `per_mac` [J], in which there may be their `total`; components that cost nothing are left
    out."""
    parts = {name: float(value) / fJ for name, value in per_mac.items() if name != "total" and value}
    total = sum(parts.values())
    figure = Figure(figsize=(6.4, 1.4 + 0.3 * len(parts)), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(list(parts), list(parts.values()), color=GREEN)
    axis.bar_label(bars, [f"{_number(v)} fJ ({v / total:.0%})" for v in parts.values()], padding=3, fontsize="small")
    axis.invert_yaxis()
    axis.set(
        xlabel="energy per MAC (fJ)", xlim=(0, 1.35 * max(parts.values())), title=f"total {_number(total)} fJ per MAC"
    )
    return figure


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
