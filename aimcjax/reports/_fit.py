"""Data against model: the picture and the page that go with a fitted preset."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ..fitting import FitResult, Posterior
from ._palette import BLACK, SKY
from ._text import table


_DATA, _MODEL = SKY, BLACK
_POOR = 4.0  # reduced chi squared: residuals of twice the noise


def plot_fit(result: FitResult, path: Path) -> None:
    """Draws data, model and residuals of `result` into the PNG `path`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained", width_ratios=(3, 2))
    _PANELS[result.data.format](left, result)
    left.legend(fontsize="small")
    left.set_title(f"{result.model}: R^2 = {result.r2:.5f}")
    residuals = (result.observed - result.prediction) / result.residual_std
    right.plot(np.arange(result.n), residuals, ".", color=_DATA, markersize=3)
    right.axhline(0.0, color=_MODEL, linewidth=1)
    right.set(xlabel="sample", ylabel="residual / standard deviation", title=f"residuals of {result.problem.quantity}")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def fit_table(result: FitResult) -> tuple[list[str], list[list[str]]]:
    """Header and rows: every parameter with its standard error and 95 % interval."""
    units = {p.name: p.unit for p in result.problem.parameters}
    rows = [
        [name, f"{value:.6g}", f"{error:.2g}", f"{low:.6g} to {high:.6g}", "" if units[name] == "1" else units[name]]
        for name, value, error, (low, high) in zip(
            result.names, result.values, result.standard_errors, result.intervals, strict=True
        )
    ]
    return ["parameter", "value", "standard error", "95 % interval", "unit"], rows


def goodness_line(result: FitResult) -> str:
    """How well the model describes the data, in one line."""
    unit = "" if result.problem.unit == "1" else f" {result.problem.unit}"
    chi = "" if result.reduced_chi2 is None else f", reduced chi^2 {result.reduced_chi2:.3g}"
    poor = result.reduced_chi2 is not None and result.reduced_chi2 > _POOR
    verdict = "; the model does not describe these data to within their noise: check polarity and model" if poor else ""
    quantity = result.problem.quantity
    return f"{result.n} samples of {quantity}: RMSE {result.rmse:.3g}{unit}, R^2 {result.r2:.5f}{chi}{verdict}"


def fit_markdown(result: FitResult, figure: str, chain: Posterior | None = None) -> str:
    """One page on a fit: what was fitted to what, the `result`, and what has to be known to judge it.

    **Arguments:** `figure`, the path of the picture from the page; `chain`, whose 95 % intervals go beside.
    """
    data = result.data
    header, rows = fit_table(result)
    if chain is not None:
        header = [*header, "posterior 95 %"]
        rows = [[*row, f"{low:.6g} to {high:.6g}"] for row, (low, high) in zip(rows, chain.intervals, strict=True)]
    ranges = [f"`{name}` from {column.min():.4g} to {column.max():.4g}" for name, column in data.columns.items()]
    strong = [
        f"{result.names[j]} and {result.names[k]} ({result.correlation[j, k]:+.3f})"
        for j, k in zip(*np.triu_indices(len(result.names), 1), strict=True)
        if abs(result.correlation[j, k]) > 0.95
    ]
    constants = ", ".join(f"{name} = {value:.6g}" for name, value in result.problem.constants.items()) or "none"
    origin = f"{data.name} (sha256 {data.sha256})" if data.sha256 else data.name
    return "\n".join([
        f"# Fit of {result.model}", "", f"Data: {origin}, {data.words}, SI units: {'; '.join(ranges)}.", "",
        table(header, rows), "", f"{goodness_line(result)}.", "", f"![data and model]({figure})", "",
        "To judge it:", "",
        f"- Held fixed, not measured here: {constants}.",
        f"- Correlated above 0.95, so not known apart: {'; '.join(strong) or 'none'}.",
        "- Cells, cycles and devices behind the data: not said in the file; one trace says nothing about variation.",
        "- Intervals assume that the model is right and the noise independent; residuals with a pattern say otherwise.",
        "",
    ])  # fmt: skip


def _iv(axis: Axes, result: FitResult) -> None:
    v = result.data.columns["v"]
    axis.plot(v, result.observed, ".", color=_DATA, markersize=4, label="data")
    axis.plot(v, result.prediction, color=_MODEL, linewidth=1, label="model")
    axis.set(xlabel="voltage (V)", ylabel="current (A)")


def _pulses(axis: Axes, result: FitResult) -> None:
    pulse = np.arange(result.n)
    axis.plot(pulse, result.observed, ".", color=_DATA, markersize=4, label="data")
    axis.plot(pulse, result.prediction, color=_MODEL, linewidth=1, label="model")
    axis.set(xlabel="reading", ylabel="weight")


def _drift(axis: Axes, result: FitResult) -> None:
    t = result.data.columns["t"]
    cells = result.data.columns.get("cell", np.zeros(result.n))
    for k, cell in enumerate(np.unique(cells)):
        here = cells == cell
        label = {"data": "data", "model": "model"} if k == 0 else {"data": None, "model": None}
        axis.plot(t[here], np.exp(result.observed[here]), ".", color=_DATA, markersize=4, label=label["data"])
        axis.plot(t[here], np.exp(result.prediction[here]), color=_MODEL, linewidth=1, label=label["model"])
    axis.set(xlabel="time after programming (s)", ylabel="conductance (S)", xscale="log", yscale="log")


_PANELS = {"iv_sweep": _iv, "pulse_train": _pulses, "drift_trace": _drift}
