"""A chip in service: accuracy, energy and availability under policies side by side, and their totals."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..units import day, format_quantity
from ._palette import BLACK, colours_of


_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (2, 1)), (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_LASTING = ("throttle", "degrade", "fail_over")


def plot_service(data: xr.Dataset, *, baseline: float) -> Figure:
    """Three panels over days: the accuracy of the answers, the energy of a day (requests, watching and actions), and
    the share of the time so far that the chip was in service, in nines.

    **Arguments:** `data`, from `chips.service.serve`; `baseline`, the accuracy of the digital network.
    """
    figure = Figure(figsize=(7.5, 8.0), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True)
    days = data.time_s.values / day
    length = np.diff(days, prepend=0.0)
    colours = colours_of(data.policy.values.tolist())
    for i, policy in enumerate(colours):
        found = data.sel(policy=policy)
        width = max(2.8 - 0.5 * i, 1.6)  # of lines over one another all are seen
        style = {"color": colours[policy], "linestyle": _DASHES[i % len(_DASHES)], "linewidth": width}
        upper.plot(days, 100 * found.accuracy.values, label=str(policy), **style)
        middle.plot(days, found.energy_J.values / length, drawstyle="steps-pre", **style)
        lower.plot(days, _down(found), **style)
    upper.axhline(100 * baseline, color=BLACK, linewidth=1, linestyle=(0, (1, 3)), label="digital network")
    upper.set(ylabel="accuracy of answers (%)")
    middle.set(ylabel="energy per day (J)")
    if float(data.energy_J.max()) > 5 * max(float(data.energy_J.min()), 1e-30):
        middle.set_yscale("log")
    else:
        middle.set_ylim(bottom=0.0)
    lower.set(xlabel="time in service (days)", ylabel="availability so far (%)", xlim=(0.0, float(days[-1])))
    _nines(lower)
    for axis in (upper, middle, lower):
        axis.grid(alpha=0.3)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize="medium")
    return figure


def service_totals(data: xr.Dataset) -> dict[str, dict[str, float]]:
    """Of every policy: `accuracy_mean` over time and `accuracy_worst` of a step; energies [J] of requests (leakage
    included), of watching and actions; `cells_written`, `writes_of_a_cell` at most, `failed_share` at the end in the
    worst layer; `downtime_s`, `availability`; `served` of `requests`; the hottest tile [K]. `data`, from
    `chips.service.serve`."""
    return {str(policy): _totals(data.sel(policy=policy)) for policy in data.policy.values}


def service_table(totals: dict[str, dict[str, float]]) -> list[list[str]]:
    """A row for each policy of `totals` (`service_totals`); the header first."""
    head = [
        "policy", "accuracy, mean (%)", "worst (%)", "energy of requests", "of watching and actions",
        "cells written", "writes of a cell", "failed cells (%)", "down", "available (%)", "hottest (°C)",
    ]  # fmt: skip
    row = lambda name, found: [
        name,
        f"{100 * found['accuracy_mean']:.2f}",
        f"{100 * found['accuracy_worst']:.1f}",
        _energy(found["request_energy_J"]),
        _energy(found["action_energy_J"]),
        f"{found['cells_written']:,.0f}",
        f"{found['writes_of_a_cell']:.0f}",
        f"{100 * found['failed_share']:.2f}",
        f"{found['downtime_s']:.3g} s",
        _percent(found["availability"]),
        f"{found['hottest_K'] - 273.15:.1f}",
    ]
    return [head, *(row(name, found) for name, found in totals.items())]


def action_table(data: xr.Dataset) -> list[list[str]]:
    """How often every action of `data` (`chips.service.serve`) happened, by policy; of those that last, in how many
    steps. The header first."""
    names = [str(name) for name in data.action_name.values]
    head = ["policy", *(f"{name} (steps)" if name in _LASTING else name for name in names)]
    return [head, *([policy, *map(str, found.values())] for policy, found in action_counts(data).items())]


def action_counts(data: xr.Dataset) -> dict[str, dict[str, int]]:
    """By policy and action of `data` (`chips.service.serve`), how often; retries one by one."""
    counts: dict[str, dict[str, int]] = {}
    for policy in data.policy.values:
        found = data.sel(policy=policy)
        happened = (found.action > 0).sum("step")
        counts[str(policy)] = {str(name): int(happened.sel(action_name=name)) for name in data.action_name.values}
        counts[str(policy)]["retry"] = int(found.retries.sum())
    return counts


def _totals(found: xr.Dataset) -> dict[str, float]:
    actions = found.monitor_energy_J.sum() + found.action_energy_J.sum()
    written = (found.written | found.moved) * found.cells
    values = {
        "accuracy_mean": found.accuracy.mean(),
        "accuracy_worst": found.accuracy.min(),
        "request_energy_J": found.energy_J.sum() - actions,
        "action_energy_J": actions,
        "cells_written": written.sum(),
        "writes_of_a_cell": found.writes.max(),
        "failed_share": found.failed_share[-1].max(),
        "downtime_s": found.downtime_s.sum(),
        "availability": found.availability[-1],
        "requests": found.requests.sum(),
        "served": found.served.sum(),
        "hottest_K": found.peak_temperature_K.max(),
    }
    return {name: float(value) for name, value in values.items()}


def _down(found: xr.Dataset) -> np.ndarray:
    return (found.downtime_s.cumsum("step") / found.time_s).values


def _energy(joules: float) -> str:
    """As people write it, also where it is large."""
    for unit, factor in (("MJ", 1e6), ("kJ", 1e3)):
        if joules >= factor:
            return f"{joules / factor:.4g} {unit}"
    return format_quantity(float(f"{joules:.3g}"), "J")


def _percent(share: float) -> str:
    """As many digits as it takes to tell it from 100."""
    digits = int(np.clip(np.ceil(-np.log10(max(1.0 - share, 1e-12))), 2, 12))
    return f"{100 * share:.{digits}f}"


def _nines(axis: Axes) -> None:
    """Of the share of requests that are lost, in logarithm, an axis of availability."""
    down = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.get_lines()])
    seen = down[down > 0]
    if not seen.size:
        axis.set(ylim=(1e-1, 1e-9))
    axis.set_yscale("log")
    low, high = (seen.min(), seen.max()) if seen.size else (1e-9, 1e-1)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    axis.set_yticks([10.0**power for power in powers], [f"{100 * (1 - 10.0**p):.{max(-p - 2, 0)}f}" for p in powers])
    axis.minorticks_off()
    axis.set_ylim(10.0 ** powers[-1] * 1.5, 10.0 ** powers[0] / 1.5)  # the more nines, the higher
