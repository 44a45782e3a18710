"""The report that a person reads, and the table that the run ends with."""

import re
from pathlib import Path

from ..chips import COMPONENTS
from ..units import day, format_time
from ._cost import how_timed
from ._figures import write_figures
from ._results import COMPENSATIONS, ROADS, Results, write_netcdf
from ._text import readable, table


def write(results: Results, config_yaml: str, folder: Path) -> None:
    """Writes `report.md`, `figures/*.png` and `results.nc` of a run, which `config_yaml` repeats, into `folder`."""
    captions = write_figures(results, folder / "figures")
    write_netcdf(results, folder / "results.nc")
    (folder / "report.md").write_text(markdown(results, config_yaml, captions), encoding="utf-8")


def score_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of scores, `mean ± std` over chips: a row a time, a column a road."""
    metric = results.metric
    header = ["after"] + [f"{ROADS[road].short}, {name}" for road in results.scores for name in COMPENSATIONS]
    columns = [results.summarize(road, name) for road in results.scores for name in COMPENSATIONS]
    rows = [
        [format_time(float(t)), *(f"{metric.format(row.mean)} ± {metric.format(row.std)}" for row in cells)]
        for t, *cells in zip(results.times, *columns, strict=True)
    ]
    return header, rows


def cost_lines(results: Results) -> list[str]:
    """The cost of one inference in readable units."""
    cost, per_mac = results.cost, results.cost.energy_per_mac_J()
    return [
        f"energy per MAC: {float(per_mac['total']) * 1e15:.0f} fJ "
        + "(" + ", ".join(f"{name} {float(per_mac[name]) * 1e15:.1f}" for name in COMPONENTS) + ")",
        f"energy per inference: {readable(cost.energy_J, 'J')} for {cost.n_macs:,} MACs ("
        + ", ".join(f"{name} {readable(cost.components_J[name], 'J')}" for name in COMPONENTS)
        + ")",
        f"latency: {readable(cost.latency_s, 's')}, batch 1{how_timed(cost)}; "
        f"{float(cost.tops_per_watt):.3g} TOPS/W (two operations a MAC)",
        f"area: {readable(cost.area_m2, 'm2')} for {cost.n_tiles} tiles; {cost.n_cells:,} cells hold weights",
    ]  # fmt: skip


def findings(results: Results) -> list[str]:
    """What each measure bought, in sentences with their numbers, at a day and at the end."""
    metric, base = results.metric, results.baseline
    unit, points = metric.unit, "points" if metric.unit == "%" else metric.unit
    show, change = metric.format, lambda difference: metric.format(difference, sign=True)
    lines = [_finding(results, road, *moment) for road in results.retrained for moment in _moments(results)]
    lines += [
        f"{_capital(ROADS[road].name)} is also more training: without any hardware the network it leaves scores "
        f"{show(score)} {unit}, {change(score - base)} {points} from the baseline."
        for road, score in results.retrained.items()
    ]
    return [*lines, *_adapter_lines(results)]


def _finding(results: Results, road: str, label: str, index: int) -> str:
    metric, base, name = results.metric, results.baseline, ROADS[road].name
    unit, points = metric.unit, "points" if metric.unit == "%" else metric.unit
    show, change = metric.format, lambda difference: metric.format(difference, sign=True)
    mean = {(r, c): results.summarize(r, c)[index].mean for r in ("direct", road) for c in COMPENSATIONS}
    neither, both = mean["direct", "uncompensated"], mean[road, "compensated"]
    return (
        f"After {label}, neither measure leaves {show(neither)} {unit} ({change(neither - base)} {points} from the "
        f"baseline of {show(base)} {unit}). Drift compensation alone brings "
        f"{change(mean['direct', 'compensated'] - neither)} {points}, {name} alone "
        f"{change(mean[road, 'uncompensated'] - neither)}, both together {change(both - neither)}: "
        f"{show(both)} {unit}, {change(both - base)} from the baseline. Of what the network "
        f"learned beyond guessing, {100 * results.retained(mean['direct', 'compensated']):.1f} % are left by "
        f"direct mapping and {100 * results.retained(both):.1f} % after {name}, both compensated."
    )


def _adapter_lines(results: Results) -> list[str]:
    facts = results.adapter
    if facts is None:
        return []
    return [
        f"The adapters are {facts.parameters:,} digital parameters beside the {facts.base_parameters:,} of the network "
        f"({facts.parameters / facts.base_parameters:.1%}), and {facts.extra_macs:,} digital multiply-accumulates an "
        f"inference. After the {results.cost.n_cells:,} cells that hold weights were programmed, training them wrote "
        f"{facts.analog_writes:,} cells."
    ]


def _capital(text: str) -> str:
    return re.sub(r"[a-z]", lambda first: first[0].upper(), text, count=1)


def markdown(results: Results, config_yaml: str, captions: dict[str, str]) -> str:
    """The text of `report.md`, with the figures of `captions`, by file name, and with `config_yaml` at its end."""
    header, rows = score_table(results)
    metric = results.metric
    n_chips = results.scores["hwa"].shape[1]
    taken = [ROADS[road] for road in results.scores]
    roads = "; ".join(f"*{road.name}* ({road.short}) {road.what}" for road in taken)
    sections = [
        f"# {results.name}: what a network scores and costs on analog chips",
        f"A network trained to **{metric.format(results.baseline)} {metric.unit}** ({metric.name}), "
        f"programmed on {n_chips} simulated chips, each programmed once and aged. {_capital(roads)}. "
        "*Compensated* chips rescale each tile digitally by what drift took from it.",
        "## What each measure bought",
        *(f"- {line}" for line in findings(results)),
        f"## {metric.name.capitalize()} ({metric.unit}), mean ± standard deviation over {n_chips} chips",
        table(header, rows),
        *(f"![{caption}](figures/{name})\n\n*{caption}*" for name, caption in captions.items()),
        "## Cost of one inference",
        "\n".join(f"- {line}" for line in cost_lines(results)),
        "Operations are counted as MACs (one multiply and one add). The tiles of a layer work in parallel, "
        "vectors and layers follow one another. The constants of the chip:",
        _cost_table(results.constants),
        "## Models",
        "".join(f"- {line}\n" for line in results.references)
        + "- Drift compensation reads its calibration vectors on every tile, averaged until their noise is negligible "
        "(assumed).\n"
        "- Intervals: Student's t over chips, test set fixed; they say nothing of other test sets or training seeds.",
        f"## Setup\n\nWall time {results.wall_s:.0f} s, since the last start if it was interrupted. "
        "Versions are in `versions.json`, "
        "every chip's score in `results.nc`. "
        "`aimcjax run config.yaml` repeats the run.",
        f"```yaml\n{config_yaml}```",
    ]
    return "\n\n".join(sections) + "\n"


def _moments(results: Results) -> list[tuple[str, int]]:
    times = [float(t) for t in results.times]
    wanted = {times.index(day)} if day in times else set()
    return [(format_time(times[index]), index) for index in sorted(wanted | {len(times) - 1})]


def _cost_table(constants: list[tuple[str, str, str]]) -> str:
    rows = [[f"`{path}`", value, _cell(source)] for path, value, source in constants]
    return table(["constant", "value", "source"], rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
