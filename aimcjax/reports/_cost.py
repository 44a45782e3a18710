"""What a placed model costs, as a table and a picture."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..chips import COMPONENTS, Cost, Placement, heat, timing
from ..tiles import ManagedTile, TileDesign
from ._palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SILVER, SKY, VERMILLION, YELLOW
from ._text import readable


_COLOURS = (VERMILLION, ORANGE, YELLOW, SKY, BLUE, PURPLE, GREEN, GREY, SILVER)  # of `COMPONENTS`


def cost_rows(cost: Cost) -> list[tuple[str, str, str, str]]:
    """Component, energy, share, fJ per MAC; the last row is the total."""
    total, rows = float(cost.energy_J), []
    per_mac = 1e15 / (float(cost.batch) * cost.n_macs)
    for name, energy in (*cost.components_J.items(), ("total", cost.energy_J)):
        value = float(energy)
        rows.append((name, readable(value, "J"), f"{value / total:.1%}", f"{value * per_mac:.3g}"))
    return rows


def headline_lines(cost: Cost) -> list[str]:
    """Latency, area, throughput and efficiency, with what they refer to; the gap between both modes."""
    gaps = ", ".join(f"{name.split('_')[0]} {float(gap):+.2%}" for name, gap in cost.gap.items())
    return [
        f"batch {cost.batch}, {cost.n_tokens:,} tokens or samples, {cost.batch * cost.n_macs:,} MACs ({cost.mode})",
        f"latency {readable(cost.latency_s, 's')}{how_timed(cost)}; {float(cost.tokens_per_s):.4g} tokens/s; "
        f"{readable(cost.j_per_token, 'J')} a token; {readable(cost.power_W, 'W')}",
        f"{float(cost.tops_per_watt):.3g} TOPS/W (two operations a MAC), {float(cost.fj_per_mac):.4g} fJ/MAC",
        f"area {readable(cost.area_m2, 'm2')}; {cost.n_tiles:,} blocks; {cost.n_cells:,} cells hold weights",
        f"smooth against exact: {gaps}",
    ]


def converter_lines(placement: Placement) -> list[str]:
    """Where converters of the model are of other kinds than those of its chip, whose prices they pay: which."""
    given, words = placement.chip.tile, []
    own = given.tile if isinstance(given, ManagedTile) else given
    for name in ("dac", "adc") if isinstance(own, TileDesign) else ():
        chip_kind = type(getattr(own, name)).__name__
        kinds = sorted({type(getattr(group, name)).__name__ for group in placement.counts.groups} - {chip_kind})
        words += [f"{', '.join(kinds)} for {chip_kind}"] if kinds else []
    if not words:
        return []
    return [
        f"assumed: converters are those of the model's tile at the prices of {placement.chip.name} "
        f"({'; '.join(words)}); a weight_level_tile takes those of the chip"
    ]


def how_timed(cost: Cost) -> str:
    """What the latency is from, in words that follow it."""
    if not cost.n_events:
        return " in closed form"
    return f" by {cost.n_events:,} events ({readable(cost.closed_latency_s, 's')} in closed form)"


def heat_line(placement: Placement, cost: Cost) -> str:
    """How hot the hottest tile gets where one batch follows the other."""
    network, power = heat.network_of(placement, cost), heat.power_map(placement, cost)
    hottest = float(network.steady(power).max())
    return (
        f"hottest tile {hottest:.4g} K, batch after batch: {readable(power.sum(), 'W')} on "
        f"{readable(cost.area_m2, 'm2')}, {float(network.sink) / (network.rows * network.cols):.3g} K/W to "
        f"{float(network.ambient):.4g} K (assumed)"
    )


def limit_line(schedule: timing.Schedule, caps: timing.Caps) -> str:
    """What a limit of temperature makes of a batch."""
    products = schedule.graph.kind == timing.KINDS.index("mvm")
    throttled = schedule.throttled_s[products]
    return (
        f"below the limit arrays take {readable(caps.average_W, 'W')} on average of "
        f"{readable(caps.time_constant_s, 's')}: {readable(schedule.latency_s, 's')} a batch from cold, "
        f"{np.count_nonzero(throttled):,} of {throttled.size:,} products wait for power"
    )


def stream_lines(stream: timing.Stream, arriving: str) -> list[str]:
    """Quantiles of the latency and the throughput under a `stream` of requests; `arriving`, in words how they come."""
    found = stream.latencies
    times = ", ".join(f"{name} {readable(getattr(found, f'{name}_s'), 's')}" for name in ("p50", "p95", "p99"))
    return [
        f"{found.done_s.size:,} requests {arriving}: {times}; {found.throughput_per_s:.4g} requests/s ({stream.how})"
    ]


def plot_cost(cost: Cost, path: Path, *, title: str, n_layers: int = 24) -> None:
    """Draws energy by component, and by component and layer (the `n_layers` that take most), as the PNG `path`, under
    the `title`."""
    energy = np.asarray(cost.parts, np.float64)
    figure = Figure(figsize=(10.0, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    totals = energy.sum(axis=1)
    scale, unit = _scale(float(totals.sum()))
    bars = left.barh(COMPONENTS, totals / scale, color=_COLOURS)
    left.bar_label(bars, [f"{share:.0%}" for share in totals / totals.sum()], padding=3, fontsize="small")
    left.invert_yaxis()
    left.set(xlabel=f"energy ({unit})", xlim=(0, 1.2 * totals.max() / scale))
    on_tiles = energy[:, :-1].sum(axis=0)
    shown = sorted(np.argsort(-on_tiles, kind="stable")[:n_layers])
    scale, unit = _scale(float(on_tiles[shown].max()))
    _stacked(right, energy[:, shown] / scale, [cost.layers[index] for index in shown])
    apart = f"; off the tiles {readable(energy[:, -1].sum(), 'J')}"
    right.set(ylabel=f"energy ({unit})", title=f"{len(shown)} of {len(on_tiles)} layers on tiles{apart}")
    right.set_ylim(0, 1.25 * energy[:, shown].sum(axis=0).max() / scale)  # room for the legend above all bars
    right.legend(fontsize="x-small", ncols=5, loc="upper center")
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def _stacked(axes: Any, energy: np.ndarray, names: list[str]) -> None:
    bottom = np.zeros(len(names))
    for component, row, colour in zip(COMPONENTS, energy, _COLOURS, strict=True):
        axes.bar(np.arange(len(names)), row, bottom=bottom, color=colour, label=component)
        bottom += row
    axes.set_xticks(np.arange(len(names)), names, rotation=60, ha="right", fontsize="x-small")


def _scale(total: float) -> tuple[float, str]:
    units = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"))
    return next((pair for pair in units if total >= pair[0]), units[-1])
